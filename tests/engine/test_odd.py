"""A record that a vendor cannot tell of in a way that is understood: it is parked alone, with the sentence.

Not here: what counts as such (`tests/kit/test_careful.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from syncd.core.model import Gone, Record, Side
from syncd.errors import Refused
from syncd.store.marks import PARKED
from tests.engine.doings import edit, judge, make, rest, run
from tests.engine.test_rules import rows, town_of
from tests.engine.vendor import MemoryConnector, Traits


def test_one_record_that_cannot_be_read_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch of six one is refused: it is parked with the sentence, five go on; mended and edited, so does it."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        people = [make(town, "crm", "contacts", {"email": f"p{n}@x.example", "name": "A"}) for n in range(6)]
        judge(town)
        odd = rows(town, "con", "contacts")[2]
        plain = MemoryConnector.read

        def read(
            self: MemoryConnector, kind: str, ids: Sequence[str], fields: Sequence[str]
        ) -> Mapping[str, Record | Gone]:
            if self.vendor.name == "con" and odd.id in ids:
                raise Refused("con answered in a shape that cannot be understood")
            return plain(self, kind, ids, fields)

        with monkeypatch.context() as patch:
            patch.setattr(MemoryConnector, "read", read)
            ids = [one.id for one in people if one is not None]
            for id_ in ids:
                edit(town, "crm", "contacts", id_, {"name": "B"})
            with town.store.begin() as tx:
                tx.marks.add(town.maps[0].key, Side.LEFT, ids, town.stage.now, reread=True)
            town.stage.now += timedelta(seconds=60)
            for _ in range(8):
                run(town)
            with town.store.read() as tx:
                (mark,) = tx.marks.resting(PARKED)
            assert (mark.cause, mark.reason) == ("refused", "con answered in a shape that cannot be understood")
            assert sorted(row.fields["name"] for row in rows(town, "con", "contacts")) == ["A"] + ["B"] * 5
        edit(town, "con", "contacts", odd.id, {"phone": "7"})
        rest(town)
        judge(town)
        assert odd.fields["name"] == "B"
