"""Creations that landed after they were thought not to have: the record carries our key, and was made for its twin.

What is not here: settling what has no outcome yet (`settling`), and answers of people (`questions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from syncd.core.fieldmap import FieldMap
from syncd.core.match import carried_key, sync_key_of
from syncd.core.model import Record, Side, Value
from syncd.engine.confirm import close_intent, settle_rules
from syncd.engine.world import World
from syncd.store.journal import Intent
from syncd.store.links import Link
from syncd.store.store import Tx

BEHIND = timedelta(seconds=1)
"""How far a vendor's clock may be behind ours, its grain included."""


def landed_late(world: World, tx: Tx, m: FieldMap, links: Sequence[Link]) -> None:
    """What a new twin that carries our key was made with is its base, as if its creation had been answered."""
    for side in (side for side in Side if m.end(side).sync_key is not None):
        of = {link.id_on(side.other): link for link in links}
        late, end = tx.journal.not_landed(m.key, side.other, of), m.end(side)
        records = tx.snapshots.get(end.system, end.kind, [of[source].id_on(side) for source in late])
        for source, intent in late.items():
            record = records[of[source].id_on(side)].record
            ours = carried_key(m, side, record.fields) == sync_key_of(m.end(side.other).ref(source))
            if ours and may_have_made(intent, record):
                settle_rules(tx, m, {of[source].id: sent(intent)})
                close_intent(world, tx, intent.id, "landed", record.ref.id)


def sent(intent: Intent) -> dict[str, dict[Side, Value]]:
    """The bases of what a write carried: its source's values then, and what was sent."""
    return {
        name: {Side(side): value for side, value in data["settle"].items()}
        for name, data in intent.rules.items()
        if data["field"] is not None and data["field"] in intent.fields
    }


def may_have_made(intent: Intent, record: Record) -> bool:
    """Whether a create may have made this record: not where the vendor names another maker, or it is older."""
    if record.mine is False:
        return False
    return record.created_at is None or record.created_at >= intent.opened_at - BEHIND
