"""Records and reasons of a list as people know them. What is not here: what a record is called (`finder`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncd.console.finder import called
from syncd.console.words import title
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


def sided(reason: str, titles: Mapping[Side, str]) -> str:
    """An engine's reason with the systems' own names for left and right."""
    told = _ON.sub(lambda found: f"in {title(titles[Side(found[1])])}", reason)
    return _WINS.sub(
        lambda found: f"{title(titles[Side(found[1])])} " if found[1] else title(titles[Side(found[2])]), told
    )


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
