"""Links and their bases: which two refs are one thing, and what each side was when they last agreed.

What is not here: when a base moves (`engine.confirm`, `engine.absorb`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, or_, select, union_all, update
from sqlalchemy.exc import IntegrityError

from syncd.core.model import Side, Value
from syncd.store.sql import among, chunks, inserting
from syncd.store.tables import links, marks, rulesets

_WHOLE = [
    links.c[name]
    for name in ("id", "map", "left_id", "right_id", "state", "reason", "left_base", "right_base", "ruleset", "unknown",
                 "gone_at", "doubted")
]  # fmt: skip
_OF = {
    side: select(*_WHOLE)
    .where(links.c.map == bindparam("map"), links.c.state == bindparam("state"), among(column))
    .order_by(links.c.closed_at, links.c.id)
    for side, column in ((Side.LEFT, links.c.left_id), (Side.RIGHT, links.c.right_id))
}
# Each state by itself: both at once would go through all links, as there is an index for either.
_EVER = {
    side: union_all(
        *(
            select(column).where(links.c.map == bindparam("map"), links.c.state == state, among(column))
            for state in ("open", "closed")
        )
    )
    for side, column in ((Side.LEFT, links.c.left_id), (Side.RIGHT, links.c.right_id))
}
_GET = select(*_WHOLE).where(among(links.c.id))
_DELTAS: dict[str, Any] = {name: bindparam(name) for name in ("left_base", "right_base")}
_SAVE_DELTAS = update(links).where(links.c.id == bindparam("link")).values(_DELTAS)
_SAVE = _SAVE_DELTAS.values({name: bindparam(name) for name in ("ruleset", "unknown")})

_RULESET = select(rulesets.c.id).where(
    rulesets.c.map == bindparam("map"), rulesets.c.digest == bindparam("digest")
)  # fmt: skip
_NAMES = select(rulesets.c.names).where(rulesets.c.id == bindparam("of"))


@cache
def _new(dialect: str) -> Any:
    """New rows, but for those of which a record has an open one."""
    new = inserting(dialect, links).on_conflict_do_nothing()
    return new.returning(links.c.id, links.c.left_id, links.c.right_id)


Delta = Mapping[str, tuple[Value, float | None]]
"""Identity of a rule -> (base value, when last seen as unix seconds), only where it differs from the snapshot."""


class LinkedAlready(Exception):
    """One of the two refs is linked already in this map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link with its bases. `known`: the rules with a base; for one not in the deltas it is the snapshot's value.

    A delta of a rule without a base is what a side held before somebody cleared it; it tells nothing while the side
    holds a value, and what is left of a rule that left the map tells nothing at all.

    `gone_at`: when one of its records was first read and found deleted, until it is there again or the link is closed.
    `doubted`: its bases are those of an old copy of the store, and nobody has looked at it since that was restored.
    """

    id: int
    map: str
    left_id: str
    right_id: str
    state: str = "open"
    reason: str | None = None
    left: Delta = field(default_factory=dict)
    right: Delta = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    gone_at: datetime | None = None
    doubted: bool = False

    def id_on(self, side: Side) -> str:
        """The record's id on a side."""
        return self.left_id if side is Side.LEFT else self.right_id

    def delta(self, side: Side) -> Delta:
        """The bases of a side that differ from the snapshot."""
        return self.left if side is Side.LEFT else self.right


@dataclass(slots=True)
class _Rulesets:
    """The lists of rules that a connection has seen, which never change.

    Only what a reading transaction saw: what another one reads of its own making may be undone, and its id given anew.
    """

    names: dict[int, frozenset[str]] = field(default_factory=dict)
    ids: dict[tuple[str, frozenset[str]], int] = field(default_factory=dict)


class Links:
    """Links by ref and by id."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection
        self._names: dict[int, frozenset[str]] = {}
        self._rulesets: dict[tuple[str, frozenset[str]], int] = {}
        self._kept: _Rulesets = connection.info.setdefault("rulesets", _Rulesets())

    def of(self, map_key: str, side: Side, ids: Iterable[str], *, state: str = "open") -> dict[str, Link]:
        """The links of these ids on a side; of several closed ones the one that was closed last."""
        found: dict[str, Link] = {}
        for chunk in chunks(ids):
            for row in self.connection.execute(_OF[side], {"map": map_key, "state": state, "among": chunk}).all():
                link = self._link(row)
                found[link.id_on(side)] = link
        return found

    def ever(self, map_key: str, side: Side, ids: Iterable[str]) -> set[str]:
        """Those of these ids on a side that have a link, or had one."""
        found: set[str] = set()
        for chunk in chunks(ids):
            found.update(self.connection.execute(_EVER[side], {"map": map_key, "among": chunk}).scalars())
        return found

    def get(self, ids: Iterable[int]) -> dict[int, Link]:
        """Links by their own id."""
        found: dict[int, Link] = {}
        for chunk in chunks(ids):
            for row in self.connection.execute(_GET, {"among": chunk}).all():
                link = self._link(row)
                found[link.id] = link
        return found

    def made_at(self, link_id: int) -> datetime:
        """When a link was made."""
        found: datetime = self.connection.execute(select(links.c.made_at).where(links.c.id == link_id)).scalar_one()
        return found

    def all(self, map_key: str, *, after: int = 0, limit: int = 1000, state: str = "open") -> list[Link]:
        """Links of a map in the order of their ids, a page at a time."""
        query = select(*_WHOLE).where(links.c.map == map_key, links.c.state == state, links.c.id > after)
        return [self._link(row) for row in self.connection.execute(query.order_by(links.c.id).limit(limit))]

    def count(self, map_key: str, *, most: int | None = None) -> int:
        """How many are open; counted no further than `most`."""
        which = links.c.map == map_key, links.c.state == "open"
        query = select(func.count()).where(*which)
        if most is not None:
            query = select(func.count()).select_from(select(links.c.id).where(*which).limit(most).subquery())
        return int(self.connection.execute(query).scalar_one())

    def any(self, map_key: str) -> bool:
        """Whether one is open."""
        query = select(links.c.id).where(links.c.map == map_key, links.c.state == "open")
        return self.connection.execute(query.limit(1)).first() is not None

    def make(self, map_key: str, left_id: str, right_id: str, now: datetime) -> Link:
        """A new open link without any base. Raises LinkedAlready."""
        made = self.make_all(map_key, [(left_id, right_id)], now)
        if not made:
            raise LinkedAlready(f"{left_id} or {right_id} is linked already in {map_key}")
        return made[left_id, right_id]

    def make_all(self, map_key: str, pairs: Iterable[tuple[str, str]], now: datetime) -> dict[tuple[str, str], Link]:
        """New open links without any base, by left and right id; without those of which a record is linked already."""
        new = {"map": map_key, "state": "open", "made_at": now, "fence": 0}
        made: dict[tuple[str, str], Link] = {}
        for chunk in chunks(pairs):
            rows = [{**new, "left_id": left, "right_id": right} for left, right in chunk]
            for id_, left, right in self.connection.execute(_new(self.connection.dialect.name), rows):
                made[left, right] = Link(id=id_, map=map_key, left_id=left, right_id=right)
        return made

    def save(self, several: Sequence[Link], rules: Sequence[str]) -> None:
        """Store the bases of links of one map; `rules` are the identities of its rules now."""
        if several:
            kept = {"ruleset": self._ruleset(several[0].map, rules)}
            values = [{**_deltas(one), **kept, "unknown": sorted(set(rules) - one.known) or None} for one in several]
            self.connection.execute(_SAVE, values)

    def save_deltas(self, several: Sequence[Link]) -> None:
        """Store only the deltas of links whose snapshots moved."""
        if several:
            self.connection.execute(_SAVE_DELTAS, [_deltas(one) for one in several])

    def move(self, link_id: int, side: Side, to: str) -> None:
        """Let a link go on with the record that one of its own became. Raises LinkedAlready."""
        name = "left_id" if side is Side.LEFT else "right_id"
        try:
            with self.connection.begin_nested():
                self.connection.execute(update(links).where(links.c.id == link_id).values({name: to}))
        except IntegrityError as error:
            raise LinkedAlready(f"{to} is linked already") from error

    def close(self, link_id: int, reason: str, now: datetime) -> None:
        """Close a link with its reason; it is never forgotten."""
        self.connection.execute(
            update(links).where(links.c.id == link_id).values(state="closed", reason=reason, closed_at=now)
        )

    def doubt(self) -> int:
        """Doubt the bases of all open links; how many."""
        return int(self.connection.execute(update(links).where(links.c.state == "open").values(doubted=True)).rowcount)

    def any_doubted(self) -> bool:
        """Whether one is in doubt; all are looked through."""
        query = select(links.c.id).where(links.c.state == "open", links.c.doubted).limit(1)
        return self.connection.execute(query).first() is not None

    def trust(self, link_ids: Iterable[int]) -> None:
        """Doubt these no more."""
        for chunk in chunks(link_ids):
            self.connection.execute(update(links).where(among(links.c.id)).values(doubted=None), {"among": chunk})

    def leaves(self, link_id: int, at: datetime | None) -> None:
        """Note when one of its records was first found deleted; None: it is there after all."""
        self.connection.execute(update(links).where(links.c.id == link_id).values(gone_at=at))

    def leaving(self, map_key: str, now: datetime) -> int:
        """How many have a record that was found deleted, are due, and were not allowed to be written yet."""
        own = or_(
            and_(marks.c.side == str(Side.LEFT), marks.c.id == links.c.left_id),
            and_(marks.c.side == str(Side.RIGHT), marks.c.id == links.c.right_id),
        )
        due = select(marks.c.id).where(
            marks.c.map == map_key, own, marks.c.state == "due", marks.c.due_at <= now, marks.c.permit.is_(None)
        )
        gone = and_(links.c.map == map_key, links.c.state == "open", links.c.gone_at.is_not(None))
        return int(self.connection.execute(select(func.count()).where(gone, due.exists())).scalar_one())

    def reopen(self, link_id: int) -> None:
        """Open a closed link again. Raises LinkedAlready."""
        opened = {"state": "open", "reason": None, "closed_at": None, "gone_at": None}
        try:
            with self.connection.begin_nested():
                self.connection.execute(update(links).where(links.c.id == link_id).values(opened))
        except IntegrityError as error:
            raise LinkedAlready(f"link {link_id} cannot open again: one of its records is linked elsewhere") from error

    def _ruleset(self, map_key: str, rules: Sequence[str]) -> int:
        key = map_key, frozenset(rules)
        known = self._kept.ids.get(key) or self._rulesets.get(key)
        if known is not None:
            return known
        names = sorted(rules)
        digest = blake2b("\n".join(names).encode(), digest_size=16).hexdigest()
        found = self.connection.execute(_RULESET, {"map": map_key, "digest": digest}).scalar_one_or_none()
        if found is None:
            row = {"map": map_key, "digest": digest, "names": names}
            found = self.connection.execute(rulesets.insert().returning(rulesets.c.id), row).scalar_one()
        self._names[found] = key[1]
        if not self.connection.in_nested_transaction():  # a part that is undone takes a new list along
            self._rulesets[key] = int(found)
        return int(found)

    def _ruled_by(self, map_key: str, ruleset: int) -> frozenset[str]:
        known = self._kept.names.get(ruleset) or self._names.get(ruleset)
        if known is None:
            known = frozenset(self.connection.execute(_NAMES, {"of": ruleset}).scalar_one())
            self._names[ruleset] = known
            if self.connection.get_execution_options().get("syncd_reads"):
                self._kept.names[ruleset], self._kept.ids[map_key, known] = known, ruleset
        return known

    def _link(self, row: Sequence[Any]) -> Link:
        id_, map_key, left_id, right_id, state, reason, left, right, ruleset, unknown, gone_at, doubted = row
        known = self._ruled_by(map_key, ruleset) if ruleset is not None else frozenset()
        return Link(
            id=id_,
            map=map_key,
            left_id=left_id,
            right_id=right_id,
            state=state,
            reason=reason,
            left=left or {},
            right=right or {},
            known=known.difference(unknown) if unknown else known,
            gone_at=gone_at,
            doubted=bool(doubted),
        )


def _deltas(link: Link) -> dict[str, Any]:
    return {"link": link.id, "left_base": dict(link.left) or None, "right_base": dict(link.right) or None}
