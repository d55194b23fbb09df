"""What people can type, as far as the maps say: per map the fields that both sides keep as they are typed.

What is not here: typing it (`people`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncd.core.fieldmap import Direction, FieldMap, Rule, Unconvertible
from syncd.core.model import FieldKind, Side
from syncd.engine.world import World
from syncd.kit.remote import Remote
from syncd.lab.claims import Claims
from syncd.lab.wire import alive, id_of

WORDS = ("Word 7L é", "Word 8R & Sons", "Word 9L's")
DIGITS = ("10007", "98765")


@dataclass(frozen=True, slots=True)
class Field:
    """One field that people edit: its name on both sides, whether it holds digits only, whether it may be cleared.

    `most`: what both sides hold, in characters; None: anything.
    """

    left: str
    right: str
    digits: bool
    clears: bool
    most: int | None = None

    def name(self, side: Side) -> str:
        """The vendor's name on a side."""
        return self.left if side is Side.LEFT else self.right


@dataclass(frozen=True, slots=True, eq=False)
class Trade:
    """One sort of record: its map and the fields that people edit. Equal only to itself."""

    map: FieldMap
    fields: Sequence[Field]


@dataclass(frozen=True, slots=True)
class Thing:
    """Something people work on: its trade, and its id on each side; None where it has not arrived yet."""

    trade: Trade
    left: str | None
    right: str | None

    def id(self, side: Side) -> str | None:
        """Its id on a side."""
        return self.left if side is Side.LEFT else self.right

    @property
    def whole(self) -> bool:
        """Whether it is on both sides."""
        return self.left is not None and self.right is not None


def trades(world: World) -> list[Trade]:
    """Per map what people can edit; maps without such a field are left out."""
    found = [Trade(m, tuple(field for rule in m.rules if (field := _field(m, rule)))) for m in world.maps.values()]
    return [trade for trade in found if trade.fields]


def _field(m: FieldMap, rule: Rule) -> Field | None:
    types = (rule.left_type, rule.right_type)
    if rule.direction is not Direction.BOTH or rule.relation is not None or rule.left is None or rule.right is None:
        return None
    if not all(one is not None and one.kind is FieldKind.TEXT for one in types):
        return None
    if rule.left == m.left.sync_key or rule.right == m.right.sync_key:
        return None
    if rule.name in {one.name for match in m.link if len(match.parts) == 1 for one in match.parts[0].rules}:
        return None  # what tells by itself who somebody is, is not typed anew every minute
    matched = {one.name for match in (*m.link, *m.ask) for part in match.parts for one in part.rules}
    clears = rule.name not in matched and not any(one is not None and one.required for one in types)
    for digits, samples in ((False, WORDS), (True, DIGITS)):
        if all(_kept(rule, sample) for sample in samples):
            lengths = [one.loss.max_length for one in types if one is not None and one.loss.max_length is not None]
            return Field(rule.left, rule.right, digits, clears, min(lengths, default=None))
    return None


def _kept(rule: Rule, text: str) -> bool:
    """Whether the map hands this text over as it is, both ways."""
    try:
        return all(rule.convert.convert(text, to) == text for to in Side)
    except Unconvertible:
        return False


def things(world: World, vendors: Mapping[str, Remote], several: Sequence[Trade]) -> list[Thing]:
    """Every living record of both sides, paired as they are linked."""
    claims, found = Claims.read(world), list[Thing]()
    for trade in several:
        m = trade.map
        left, right = (_living(vendors[m.end(side).system], m.end(side).kind) for side in Side)
        pairs = [(one.left_id, one.right_id) for one in claims.links[m.key]]
        found += [Thing(trade, *pair) for pair in pairs if pair[0] in left and pair[1] in right]
        for side, ids in ((Side.LEFT, left), (Side.RIGHT, right)):
            loose = [id_ for id_ in ids if not claims.linked(m, side, id_)]
            found += [Thing(trade, *((id_, None) if side is Side.LEFT else (None, id_))) for id_ in loose]
    return found


def _living(remote: Remote, kind: str) -> dict[str, None]:
    return dict.fromkeys(id_of(row) for row in remote.records(kind) if alive(row) and not row.get("is_user"))
