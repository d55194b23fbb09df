"""The brake on fields that flip: what we write and somebody writes back, again and again, is frozen and asked. Rule 20.

Frozen is an open conflict of that one field of that one record: a person takes a side, like in any other.
What is not here: deciding (`core.plan`) and listing conflicts (`confirm`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from syncd.core.model import Side
from syncd.engine.item import Item
from syncd.engine.world import World
from syncd.errors import Refused
from syncd.store.journal import Intent


def freeze(world: World, items: Sequence[Item]) -> None:
    """Note with each linked item the rules that are frozen, and why. Raises AuthError and Transient."""
    linked = [item for item in items if item.stands() and item.link is not None and not item.operations]
    if not linked:
        return
    m, since = linked[0].m, world.clock() - world.pace.flips_within
    with world.store.read() as tx:
        most = world.pace.flips
        flips = _flips(tx.journal.updates_since(m.key, _ids(linked), since, most), most)
        asked = tx.conflicts.open_of(item.link.id for item in linked if item.link is not None) if flips else {}
    for item in linked if flips else ():
        for side in Side:
            known = asked.get(item.link.id, {}) if item.link is not None else {}
            fields = {name for id_, at, name in flips if at is side and id_ == item.id_on(side)}
            for rule in m.rules:
                if rule.field(side) in fields and not (rule.name in known and known[rule.name].forced):
                    item.frozen[rule.name] = _reason(world, item, side, str(rule.field(side)))


def _ids(items: Iterable[Item]) -> list[str]:
    return list({str(item.id_on(side)) for item in items for side in Side})


def _flips(intents: Iterable[Intent], most: int) -> set[tuple[str, Side, str]]:
    """The fields of records that were given one and the same value by us more than `most` times."""
    counts = Counter(
        (str(intent.record_id), intent.side, name, repr(value))
        for intent in intents for name, value in intent.fields.items()
    )  # fmt: skip
    return {(id_, side, name) for (id_, side, name, _), count in counts.items() if count > most}


def _reason(world: World, item: Item, side: Side, name: str) -> str:
    ref = item.record(side).ref
    who = _other(world, item, side, name)
    return (
        f"frozen: {name} of {ref} was written more than {world.pace.flips} times within "
        f"{world.pace.flips_within.total_seconds() / 60:g} minutes, and changed back each time{who}"
    )


def _other(world: World, item: Item, side: Side, name: str) -> str:
    """Who else writes the field, where the vendor tells; that it does not is no reason to stop the record."""
    connector, ref = world.connector(item.m, side), item.record(side).ref
    if not connector.capabilities.history:
        return ""
    try:
        others = [change for change in connector.history(ref.kind, ref.id, name) if change.mine is not True]
    except Refused:
        return ""
    names = list(dict.fromkeys(text for one in others if (text := one.who or one.source)))
    return f", by {', '.join(names[:3])}" if names else ""
