"""The journal: every write as intent, then outcome; and the match keys that open creates claim.

What is not here: what an intent without an outcome means (`engine.settling`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, func, or_, select, update

from syncd.core.model import Action, Side, Value
from syncd.store.snapshots import digest
from syncd.store.sql import among, beside, chunks
from syncd.store.tables import claims, journal

NOTHING_CHANGED = ("claimed", "unsent", "stale", "missing", "refused", "later", "not landed")
"""Outcomes of writes that left the vendor's record as it was."""

_PLACE = ("map", "side", "source_id")
_OPENED = journal.insert().returning(journal.c.id, *(journal.c[name] for name in _PLACE))
_INTENT: BindParameter[int] = bindparam("intent")
_OPEN = select(journal).where(journal.c.outcome.is_(None)).order_by(journal.c.id)
_OPEN_OF = _OPEN.where(journal.c.map == bindparam("map"), among(journal.c.source_id))
_OPEN_LINKS = _OPEN.where(among(journal.c.link))
_OPEN_OF_MAP = (
    select(journal)
    .where(journal.c.map == bindparam("map"), journal.c.side == bindparam("side"), journal.c.outcome.is_(None))
    .order_by(journal.c.source_id)
)
"""In the order of the index over open writes, or SQLite would rather go through all writes of the map."""
_NOT_LANDED = (
    select(journal)
    .where(
        journal.c.map == bindparam("map"), among(journal.c.source_id), journal.c.side == bindparam("at"),
        beside(journal.c.action) == str(Action.CREATE), journal.c.outcome == "not landed",
    )
    .order_by(journal.c.id)
)  # fmt: skip
_CHANGED = or_(journal.c.outcome.is_(None), journal.c.outcome.not_in(NOTHING_CHANGED))
_UPDATED_SINCE = (
    journal.c.map == bindparam("map"), among(journal.c.record_id), beside(journal.c.opened_at) >= bindparam("since"),
    journal.c.action == str(Action.UPDATE), _CHANGED,
)  # fmt: skip
_UPDATES_SINCE = select(journal).where(*_UPDATED_SINCE)
_OFTEN_UPDATED = (
    select(journal.c.record_id)
    .where(*_UPDATED_SINCE)
    .group_by(journal.c.record_id)
    .having(func.count() > bindparam("most"))
)
_IS_OPEN = select(journal.c.id).where(journal.c.id == _INTENT, journal.c.outcome.is_(None))
_ENDED: dict[str, Any] = {name: bindparam(name) for name in ("outcome", "closed_at", "error")}
_CLOSE = (
    update(journal)
    .where(journal.c.id == _INTENT)
    .values({**_ENDED, "record_id": func.coalesce(bindparam("found"), journal.c.record_id)})
)
_LATER = journal.alias("later")
_GONE = (
    update(journal)
    .where(
        journal.c.link == bindparam("of"), journal.c.side == bindparam("at"),
        journal.c.action == str(Action.UPDATE), journal.c.outcome == "gone",
        ~select(_LATER.c.id).where(_LATER.c.link == journal.c.link, _LATER.c.fence > journal.c.fence).exists(),
    )
    .values(outcome=None, closed_at=None, record_id=bindparam("now"))
)  # fmt: skip
_MADE = (journal.c.id, journal.c.map, journal.c.heard_at, journal.c.outcome, journal.c.closed_at)
_MADE_OF = select(*_MADE).where(among(journal.c.id))
_UNCLAIM = delete(claims).where(claims.c.intent == _INTENT)
_CLAIMED = select(claims.c.key, claims.c.intent).where(
    claims.c.system == bindparam("system"), claims.c.kind == bindparam("kind"), among(claims.c.key)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One write. `side` is written. `fields`: what is sent; `before`: what it overwrites, as far as known.

    `rules`: per rule name the source and target values that base moves to, the reason, and what was lost.
    `lands_by`: the written vendor's clock after which the write can no longer land. `outcome` None: open.
    `fence`: of the claim under which it was written.
    """

    id: int
    run: int | None
    map: str
    side: Side
    action: Action
    link: int | None
    record_id: str | None
    source_id: str
    fields: Mapping[str, Value]
    before: Mapping[str, Value]
    rules: Mapping[str, Any]
    version: str | None
    outcome: str | None
    error: str | None
    opened_at: datetime
    lands_by: datetime | None
    closed_at: datetime | None
    fence: int


@dataclass(frozen=True, slots=True)
class Made:
    """A hand-off: a record that was to be made for another. `heard_at`: since when its mark waited to be worked on."""

    id: int
    map: str
    heard_at: datetime | None
    outcome: str | None
    closed_at: datetime | None


class Journal:
    """Intents, oldest first, and claims."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def open(self, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Write intents; their ids in this order. ValueError for two of one source to one side."""
        made = self.connection.execute(_OPENED, list(rows)) if rows else ()
        ids = {tuple(place): id_ for id_, *place in made}
        if len(ids) < len(rows):
            raise ValueError("two writes of one source to one side")
        return [ids[tuple(row[name] for name in _PLACE)] for row in rows]

    def close(
        self, intent: int, outcome: str, now: datetime, *, error: str | None = None, record_id: str | None = None
    ) -> None:
        """Write an intent's outcome, and give its claims back."""
        self.close_all({intent: record_id}, outcome, now, error=error)

    def close_all(
        self, found: Mapping[int, str | None], outcome: str, now: datetime, *, error: str | None = None
    ) -> None:
        """Write the same outcome of several intents, each with the record that it made, if it did; give claims back."""
        ended = {"outcome": outcome, "closed_at": now, "error": error}
        if found:
            self.connection.execute(_CLOSE, [{"intent": i, "found": id_, **ended} for i, id_ in found.items()])
            self.connection.execute(_UNCLAIM, [{"intent": intent} for intent in found])

    def open_again(self, link: int, side: Side, record_id: str) -> int:
        """Open a link's updates again that nobody could tell the outcome of while their record was gone; how many.

        Those of its last claim that wrote: after any later one, what they were is nobody's concern.
        """
        return self.connection.execute(_GONE, {"of": link, "at": str(side), "now": record_id}).rowcount

    def extend(self, fence: int, side: Side, lands_by: datetime) -> None:
        """Open writes of a claim that go out later than was thought when they were journaled can land later too."""
        query = update(journal).where(
            journal.c.outcome.is_(None), journal.c.fence == fence, journal.c.side == str(side)
        )
        self.connection.execute(query.values(lands_by=lands_by))

    def is_open(self, intent: int) -> bool:
        """Whether a write has no outcome yet."""
        return self.connection.execute(_IS_OPEN, {"intent": intent}).one_or_none() is not None

    def note(self, intent: int, error: str) -> None:
        """Note why an open write has no outcome."""
        self.connection.execute(update(journal).where(journal.c.id == intent).values(error=error))

    def updates_since(self, map_key: str, records: Iterable[str], since: datetime, most: int) -> list[Intent]:
        """The updates that may have changed those of these records that had more than `most` of them.

        The records may be of either side; should the two use the same ids, what both had counts.
        """
        found: list[Intent] = []
        for chunk in chunks(records):
            among_them = {"map": map_key, "among": chunk, "since": since}
            often = list(self.connection.execute(_OFTEN_UPDATED, {**among_them, "most": most}).scalars())
            if often:  # hardly ever: what they wrote is read of these alone
                rows = self.connection.execute(_UPDATES_SINCE, {**among_them, "among": often})
                found.extend(_intent(row) for row in rows)
        return found

    def changed_since(self, map_key: str, since: datetime) -> Mapping[Action, int]:
        """How many writes there were since, by kind, without those that a person had allowed."""
        query = select(journal.c.action, func.count()).where(
            journal.c.map == map_key, journal.c.opened_at >= since, journal.c.permitted.is_(False),
            _CHANGED,
        )  # fmt: skip
        return {Action(row[0]): row[1] for row in self.connection.execute(query.group_by(journal.c.action))}

    def counts(self) -> dict[tuple[str, Side, Action, str | None], int]:
        """How many writes there are of each map, side, kind and outcome."""
        kinds = (journal.c.map, journal.c.side, journal.c.action, journal.c.outcome)
        rows = self.connection.execute(select(*kinds, func.count()).group_by(*kinds))
        return {(row[0], Side(row[1]), Action(row[2]), row[3]): row[4] for row in rows}

    def open_of(self, map_key: str, sources: Iterable[str]) -> list[Intent]:
        """Open intents whose source is one of these ids (of either side; the two may use the same ids)."""
        found: list[Intent] = []
        for chunk in chunks(sources):
            found.extend(_intent(row) for row in self.connection.execute(_OPEN_OF, {"map": map_key, "among": chunk}))
        return found

    def creating_for(self, map_key: str, side: Side, sources: Iterable[str]) -> list[Intent]:
        """Open creates of the twins of these records of a side."""
        found = self.open_of(map_key, sources)
        return [one for one in found if one.action is Action.CREATE and one.side is side.other]

    def not_landed(self, map_key: str, side: Side, sources: Iterable[str]) -> dict[str, Intent]:
        """The last of the creates of the twins of these records of a side that was thought to have made nothing."""
        found: dict[str, Intent] = {}
        for chunk in chunks(sources):
            rows = self.connection.execute(_NOT_LANDED, {"map": map_key, "at": str(side.other), "among": chunk})
            found |= {row.source_id: _intent(row) for row in rows}
        return found

    def open_links(self, link_ids: Iterable[int]) -> list[Intent]:
        """Open intents of these links."""
        found: list[Intent] = []
        for chunk in chunks(link_ids):
            found.extend(_intent(row) for row in self.connection.execute(_OPEN_LINKS, {"among": chunk}))
        return found

    def open_creates(self, map_key: str, side: Side) -> list[Intent]:
        """Creates on a side that have no outcome yet."""
        rows = self.connection.execute(_OPEN_OF_MAP, {"map": map_key, "side": str(side)}).all()
        found = sorted((row for row in rows if row.action == str(Action.CREATE)), key=lambda row: int(row.id))
        return [_intent(row) for row in found]

    def claim(self, wanted: Mapping[int, Iterable[str]], system: str, kind: str) -> dict[int, int]:
        """Claim keys at a vendor's kind for open creates, each in its turn: who is refused, and who was before it.

        Who is refused claims nothing. Nobody else claims meanwhile: one transaction writes at a time.
        """
        keys = {intent: {digest(text) for text in texts} for intent, texts in wanted.items()}
        at = {"system": system, "kind": kind}
        taken: dict[bytes, int] = {}
        for chunk in chunks(key for several in keys.values() for key in several):
            taken.update((row.key, row.intent) for row in self.connection.execute(_CLAIMED, {**at, "among": chunk}))
        refused: dict[int, int] = {}
        rows: list[dict[str, object]] = []
        for intent, several in keys.items():
            if before := [taken[key] for key in several if key in taken]:
                refused[intent] = min(before)
                continue
            taken.update(dict.fromkeys(several, intent))
            rows += [{**at, "key": key, "intent": intent} for key in several]
        if rows:
            self.connection.execute(claims.insert(), rows)
        return refused

    def made_after(self, intent: int, *, limit: int = 1000) -> list[Made]:
        """The creations that were opened after this write, oldest first."""
        query = select(*_MADE).where(journal.c.id > intent, journal.c.action == str(Action.CREATE))
        return [Made(*row) for row in self.connection.execute(query.order_by(journal.c.id).limit(limit))]

    def made(self, intents: Iterable[int]) -> list[Made]:
        """These creations, as far as they are still known."""
        found: list[Made] = []
        for chunk in chunks(intents):
            found.extend(Made(*row) for row in self.connection.execute(_MADE_OF, {"among": chunk}))
        return found

    def last(self) -> int:
        """The number of the newest write."""
        return int(self.connection.execute(select(func.max(journal.c.id))).scalar_one() or 0)

    def of_run(self, run: int) -> list[Intent]:
        """Everything a run wrote."""
        query = select(journal).where(journal.c.run == run)
        return [_intent(row) for row in self.connection.execute(query.order_by(journal.c.id))]

    def last_of(self, map_key: str, ids: Sequence[str], *, limit: int = 50) -> list[Intent]:
        """The newest writes from or to these ids."""
        found: dict[int, Intent] = {}
        # Each column by itself: for both at once all writes of the map would be gone through.
        for column in (journal.c.source_id, journal.c.record_id):
            query = select(journal).where(journal.c.map == map_key, column.in_(list(ids)))
            rows = self.connection.execute(query.order_by(journal.c.id.desc()).limit(limit))
            found |= {row.id: _intent(row) for row in rows}
        return [found[id_] for id_ in sorted(found, reverse=True)[:limit]]

    def makers(self, map_key: str, side: Side, id: str) -> set[int]:
        """The runs that made this record."""
        query = select(journal.c.run).where(
            journal.c.map == map_key, journal.c.record_id == id, journal.c.side == str(side), _CHANGED,
            journal.c.action == str(Action.CREATE), journal.c.run.is_not(None),
        )  # fmt: skip
        return set(self.connection.execute(query).scalars())

    def recent(self, *, limit: int = 100) -> list[Intent]:
        """The newest writes of all."""
        return [
            _intent(row) for row in self.connection.execute(select(journal).order_by(journal.c.id.desc()).limit(limit))
        ]


def _intent(row: Row[tuple[object, ...]]) -> Intent:
    return Intent(
        id=row.id, run=row.run, map=row.map, side=Side(row.side), action=Action(row.action), link=row.link,
        record_id=row.record_id, source_id=row.source_id, fields=row.fields, before=row.before, rules=row.rules,
        version=row.version, outcome=row.outcome, error=row.error, opened_at=row.opened_at,
        lands_by=row.lands_by, closed_at=row.closed_at, fence=row.fence,
    )  # fmt: skip
