"""Uncertain matches as a person looks at them: both records side by side, how alike they are, and why.

What is not here: taking a side (`by_hand`), and questions about lost writes, which name no likeness (`questions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncd.core.fieldmap import FieldMap
from syncd.core.match import Candidate
from syncd.core.model import Record, Side
from syncd.core.plan import MISSING, view
from syncd.engine.lookalikes import QUESTION, Around, Lookalikes, StoreIndex
from syncd.engine.world import World
from syncd.store.marks import PARKED, Mark
from syncd.store.store import Tx

PAGE, MOST = 500, 100
"""Marks that are looked at together; and so many pairs are shown at once."""


def review(world: World, map_key: str | None = None) -> list[dict[str, Any]]:
    """The pairs that are asked about, the likeliest first: both refs, score, reasons, and every mapped field."""
    rows: list[dict[str, Any]] = []
    with world.store.read() as tx:
        for m in world.maps.values():
            if map_key in (None, m.key):
                marks = [mark for mark in tx.marks.resting(PARKED, m.key) if mark.cause == QUESTION]
                for side in Side:
                    rows += pairs_of(tx, m, side, [mark for mark in marks if mark.side is side])
    return sorted(_once(rows), key=lambda row: (-row["score"], row["left"], row["right"]))[:MOST]


def pairs_of(tx: Tx, m: FieldMap, side: Side, marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """The pairs that these marks of a side ask about, in their order."""
    looking = Lookalikes(m, StoreIndex(tx, m))
    found: list[dict[str, Any]] = []
    for start in range(0, len(marks), PAGE):
        page = {mark.id: mark for mark in marks[start : start + PAGE]}
        records = list(looking.index.records(side, page).values())
        around = looking.around(side, records, {})
        for record in records:
            found += [_row(looking, around, record, c, page[record.ref.id]) for c in _asked(looking, around, record)]
    return found


def _asked(looking: Lookalikes, around: Around, record: Record) -> list[Candidate]:
    """Whom a record is asked about: who shares a key with it, and who is alike enough; nobody who was refused."""
    mine = {key.indexed for key in looking.eye.keys(around.side, record)}
    bands = looking.m.score
    found = []
    for c in around.of(record):
        theirs = looking.eye.keys(around.side.other, c.record)
        keyed = any(key.indexed in mine and (key.certain or not c.linked) for key in theirs)
        likely = bands and looking.eye.score(around.side, record, c.record, around.shared).value >= bands.ask
        if not c.refused and (keyed or (likely and not c.linked)):
            found.append(c)
    return found


def _row(looking: Lookalikes, around: Around, record: Record, c: Candidate, mark: Mark) -> dict[str, Any]:
    side = around.side
    left, right = (record, c.record) if side is Side.LEFT else (c.record, record)
    score = looking.eye.score(side, record, c.record, around.shared)
    return {
        "map": looking.m.key,
        "left": str(left.ref),
        "right": str(right.ref),
        "score": score.value,
        "reasons": list(score.reasons),
        "asked": mark.reason,
        "since": mark.first_at.isoformat(),
        "linked": c.linked,
        "fields": _side_by_side(looking.m, left, right),
    }


def _side_by_side(m: FieldMap, left: Record, right: Record) -> list[dict[str, Any]]:
    """Both values of every rule with a field on both sides, but for those that are blank here and there."""
    found = []
    for rule in m.rules:
        values = [view(rule, side, record.fields) for side, record in ((Side.LEFT, left), (Side.RIGHT, right))]
        ours, theirs = (None if value is MISSING else value for value in values)
        if rule.left and rule.right and not rule.relation and (ours is not None or theirs is not None):
            same = rule.convert.equal(ours, theirs)
            found.append({"field": rule.name, "left": ours, "right": theirs, "same": same})
    return found


def _once(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A pair that both of its records are asked about is one."""
    return list({(row["map"], row["left"], row["right"]): row for row in rows}.values())
