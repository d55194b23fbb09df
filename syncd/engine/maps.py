"""What each map reads and matches by, remembered: a changed map makes its records be keyed, or read, anew. Rules 4, 8.

What is not here: carrying a changed map to existing links (it is not retroactive), and compiling maps (`fieldmaps`).
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
from syncd.engine.described import remember
from syncd.engine.item import DRIFT, UNTOLD
from syncd.engine.lookout import narrowed, note_custom
from syncd.engine.namesakes import found_by, unique_names
from syncd.engine.world import Pair, World
from syncd.store.marks import PLANNED
from syncd.store.store import Tx

MENDABLE = ("unmapped", "waiting", DRIFT, UNTOLD, "refused")
"""Causes that a changed map may have mended."""

INDEXED = 5
"""Counts up when records are found by other texts than before: every record is keyed anew then."""


def adopt(world: World, pairs: Iterable[Pair] | None = None) -> None:
    """Take the maps as they are now: before anything is created by them, every record has the keys they match by.

    A field that was not read before makes its kind be read once more, and what waits for a mended map tries again.
    Maps that have lost all custom fields of a side are not taken: see `lookout`. Of these pairs, or of all; one by
    one, so that no other writer waits for hundreds.
    """
    with world.store.read() as tx:
        lost = frozenset(narrowed(tx, world))
    for pair in world.pairs if pairs is None else pairs:
        schemas = [world.connectors[system].describe(kind) for system, kind in pair.kinds]
        with world.store.begin() as tx:
            for schema in schemas:
                remember(world, tx, schema)
            _adopt_pair(tx, world, pair, lost)


def _adopt_pair(tx: Tx, world: World, pair: Pair, lost: Set[tuple[str, str]]) -> None:
    def whole(m: FieldMap) -> bool:
        return not any((m.end(side).system, m.end(side).kind) in lost for side in Side)

    note_custom(tx, world, [kind for kind in pair.kinds if kind not in lost])
    for m in filter(whole, pair.maps):
        _adopt(tx, world, m)
    for system, kind in pair.kinds:
        if all(whole(m) for m, _ in world.readers[system, kind]):
            _read_anew(tx, world, system, kind)


def _read_anew(tx: Tx, world: World, system: str, kind: str) -> None:
    """Have a kind read once more if a field is asked for that was not before: what snapshots say of it may be old.

    What is asked for no longer is not remembered as read, for the feed goes on without it.
    """
    name, now = f"read:{system}:{kind}", set(world.fields(system, kind))
    before = tx.runs.fact(name)
    if before is None or set(before) != now:
        tx.runs.set_fact(name, sorted(now))
    if before is not None and now - set(before):
        tx.feeds.reset(system, kind)


def _adopt(tx: Tx, world: World, m: FieldMap) -> None:
    name, now = f"map:{m.key}", _facts(world, m)
    before = tx.runs.fact(name)
    if before == now:
        return
    tx.runs.set_fact(name, now)
    for side in Side:
        if before is None or before["match"] != now["match"]:
            _key_again(tx, world, m, side)
    if before is not None:
        moment = world.clock()
        tx.marks.retry(m.key, moment, state=PLANNED, reread=False)
        tx.marks.retry(m.key, moment, causes=MENDABLE)


def _facts(world: World, m: FieldMap) -> dict[str, Any]:
    matches = [
        f"{match.name}:{','.join(rule.identity for part in match.parts for rule in part.rules)}"
        for match in (*m.link, *m.ask)
    ]
    names = [f"{side}:{name}" for side in Side for name in unique_names(world, m, side)]
    was = [f"{m.continues.side}:{m.continues.field}"] if m.continues is not None else []
    ours = [f"{side}:key:{name}" for side in Side if (name := m.end(side).sync_key) is not None]
    kinds = f"{INDEXED} {'scored' if m.score is not None else 'keyed'}"
    return {"digest": m.digest, "match": (*matches, *names, *was, *ours, kinds)}


def _key_again(tx: Tx, world: World, m: FieldMap, side: Side) -> None:
    """Key every record of a side anew, a page at a time."""
    end, after = m.end(side), ""
    while page := tx.snapshots.page(end.system, end.kind, after=after):
        texts = {i: found_by(world, m, side, one) for i, one in page.items()}
        tx.snapshots.rekey(m.key, side, texts)
        after = next(reversed(page))  # a database may order texts otherwise than we do
