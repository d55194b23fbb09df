"""Records and reasons of a list as people know them. What is not here: what a record is called (`finder`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncd.console.finder import called
from syncd.console.words import system_name
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Ref, Side
from syncd.engine.world import World
from syncd.store.store import Tx


@dataclass(frozen=True, slots=True)
class Named:
    """A record as a list shows it. `name`: "" of one that was never read; `url`: in its vendor's own pages."""

    ref: Ref
    name: str = ""
    gone: bool = False
    url: str | None = None


_ON = re.compile(r"\b(?:on|for) the (left|right)\b")
_WINS = re.compile(r"\b(left|right) (?=wins|stays)|(?<=decides for )(left|right)\b")


def names_of(world: World, m: FieldMap) -> dict[Side, str]:
    """How people call both systems of a map."""
    vendors = {name: connector.name for name, connector in world.connectors.items()}
    return {side: system_name(vendors, m.end(side).system) for side in Side}


def sided(reason: str, systems: Mapping[Side, str]) -> str:
    """An engine's reason with the systems' names for left and right."""
    told = _ON.sub(lambda found: f"in {systems[Side(found[1])]}", reason)
    return _WINS.sub(lambda found: f"{systems[Side(found[1])]} " if found[1] else systems[Side(found[2])], told)


def named(
    world: World, tx: Tx, m: FieldMap, wanted: Iterable[tuple[Side, str | None]]
) -> dict[tuple[Side, str], Named]:
    """These records of a map by side and id, as they were read last."""
    ids: dict[Side, list[str]] = {side: [] for side in Side}
    for side, id_ in wanted:
        if id_ is not None:
            ids[side].append(id_)
    found: dict[tuple[Side, str], Named] = {}
    for side, several in ids.items():
        end, connector = m.end(side), world.connector(m, side)
        shots = tx.snapshots.get(end.system, end.kind, several)
        for id_ in several:
            shot, url = shots.get(id_), connector.url(end.kind, id_)
            name, gone = (called(world, shot), shot.gone is not None) if shot is not None else ("", False)
            found[side, id_] = Named(end.ref(id_), name, gone, url)
    return found
