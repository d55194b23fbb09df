"""What a vendor's history promises: the values that a field had, and by whose hand.

What is not here: what is done with it (`engine.explain`, `engine.flips`).
"""

from __future__ import annotations

import itertools

from syncd.kit.contract.bench import Bench, Contract, must, same


class HistoryContract(Contract):
    """Tests of `Connector.history`, for connectors that declare `history`."""

    def test_a_fields_history_is_told(self, bench: Bench, kind: str) -> None:
        """Every value that a person gave a field, newest first, with a time and a hand that is not ours."""
        rid = bench.person_creates(kind, 1)
        edits = [bench.person_edits(kind, rid, n) for n in (7, 8)]
        name = edits[0][0]
        told = bench.connector.history(kind, rid, name)
        before = self.sample_fields(kind, 1)[name]
        same([one.value for one in told], [edits[1][1], edits[0][1], before], "values, newest first")
        must(all(a.at >= b.at for a, b in itertools.pairwise(told)), "the newest must come first")
        must(all(one.who and one.mine is False for one in told), "a person's hand must be told as one")
        same(list(bench.connector.history(kind, self.missing_id, name)), [], "history of nobody")
