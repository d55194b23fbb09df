"""What a vendor's list of files promises: the names and sizes of what hangs on a record, and of nothing else.

What is not here: what is in them, which nobody asks for.
"""

from __future__ import annotations

from syncd.kit.connector import FILES
from syncd.kit.contract.bench import Bench, Contract, must, same


class FilesContract(Contract):
    """Tests of `Connector.files`, for connectors that declare `files`."""

    def test_the_files_of_a_record_are_listed(self, bench: Bench, kind: str) -> None:
        """Name, size and time of each, the newest first; none of another record's, of one without any, of nobody."""
        rid, bare = bench.people_create(kind, [1, 2])
        for number, name in enumerate(("roof plan.pdf", "Dächer \u2013 Angebot.docx"), 1):
            bench.person_attaches(kind, rid, name, 1000 * number)
            bench.remote.advance(2)
        bench.remote.settle()
        told = list(bench.connector.files(kind, rid))
        same([one.name for one in told], ["Dächer \u2013 Angebot.docx", "roof plan.pdf"], "names, newest first")
        same([one.size for one in told], [2000, 1000], "sizes in bytes")
        must(all(one.added_at is not None and one.added_at.tzinfo is not None for one in told), "times")
        same(list(bench.connector.files(kind, bare)), [], "files of a record without any")
        same(list(bench.connector.files(kind, self.missing_id)), [], "files of nobody")

    def test_the_newest_of_many_are_listed(self, bench: Bench, kind: str) -> None:
        """No more than a page of them, and no older one instead of a newer."""
        rid = bench.person_creates(kind, 1)
        for number in range(FILES + 5):
            bench.person_attaches(kind, rid, f"photo {number:03}.jpg", 10)
            bench.remote.advance(1)
        bench.remote.settle()
        names = [one.name for one in bench.connector.files(kind, rid)]
        same(names, [f"photo {number:03}.jpg" for number in range(FILES + 4, 4, -1)], "the newest, newest first")
