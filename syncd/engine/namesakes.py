"""Names that a vendor lets only one record of a kind have: who has one is known before anything is refused. Rule 5.

What is not here: who is whose twin (`linking`): a name that is taken is no match key, and never links anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncd.core.fieldmap import FieldMap
from syncd.core.match import came_of, formers, indexed
from syncd.core.model import Ref, Side, Value
from syncd.core.plan import suffixed
from syncd.engine.item import Item
from syncd.engine.world import World
from syncd.store.snapshots import Snapshot, hashed
from syncd.store.store import Tx

NAMESAKE = "namesake"
"""The cause of a mark whose creation was refused for its name."""

Taken = dict[str, str]
"""Names that creations of this batch carry -> the id of the record they are made for."""


def found_by(world: World, m: FieldMap, side: Side, one: Snapshot) -> list[str]:
    """Every text by which a record of a side is found: its match keys, and the names that nobody else may have.

    One that is gone is found by what it was in the map before, and by nothing else.
    """
    fields = one.record.fields
    if one.gone is not None:
        return [came_of(id_) for id_ in formers(m, side, fields)]
    names = (_text(name, fields.get(name)) for name in unique_names(world, m, side))
    return [*indexed(m, side, fields), *(text for text in names if text is not None)]


def unique_names(world: World, m: FieldMap, side: Side) -> tuple[str, ...]:
    """The fields of a side whose values the vendor lets nobody share and people call a record by."""
    end = m.end(side)
    return world.connectors[end.system].capabilities.names.get(end.kind, ())


def _text(field: str, value: Value | None) -> str | None:
    """Capitals and spaces do not tell names apart."""
    return f"\x1c{field}\x1e{' '.join(value.casefold().split())}" if isinstance(value, str) and value else None


def set_apart(world: World, tx: Tx, m: FieldMap, to: Side, items: Sequence[Item], taken: Taken) -> None:
    """Give creations whose name is taken, by a record that is known or by one made before them, a suffix."""
    for field in unique_names(world, m, to):
        texts = {id(item): _text(field, item.operations[to].fields.get(field)) for item in items}
        held = tx.snapshots.keyed(m.key, to, [hashed(text) for text in texts.values() if text is not None])
        for item in items:
            text = texts[id(item)]
            if text is None:
                continue
            source = item.record(to.other).ref
            if item.mark.cause == NAMESAKE or hashed(text) in held or taken.setdefault(text, source.id) != source.id:
                _suffix(item, to, field, source)


def _suffix(item: Item, to: Side, field: str, source: Ref) -> None:
    operation = item.operations[to]
    fields = {**operation.fields, field: suffixed(str(operation.fields[field]), source)}
    item.operations[to] = replace(operation, fields=fields)
