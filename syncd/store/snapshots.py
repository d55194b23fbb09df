"""Snapshots and match keys: the last record seen of every ref, and what it is compared by.

What is not here: when a snapshot may move (rule 2, `engine.absorb`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from hashlib import blake2b

from sqlalchemy import Connection, and_, bindparam, delete, exists, func, select, update

from syncd.core.model import Record, Ref, Side, Value
from syncd.store.columns import as_stored, from_json, moment
from syncd.store.sql import among, chunks, upsert
from syncd.store.tables import ASKED, marks, match_keys, snapshots

_OF_KIND = and_(snapshots.c.system == bindparam("system"), snapshots.c.kind == bindparam("kind"))
_ROWS = select(*as_stored(snapshots))
_GET = _ROWS.where(_OF_KIND, among(snapshots.c.id))
_SEEN = select(snapshots.c.id, snapshots.c.version, snapshots.c.read_at).where(
    _OF_KIND, among(snapshots.c.id), snapshots.c.gone.is_(None)
)
_PAGE = _ROWS.where(_OF_KIND, snapshots.c.id > bindparam("after")).order_by(snapshots.c.id).limit(bindparam("limit"))
_OF_SIDE = match_keys.c.scope == bindparam("scope")
_KEYED = select(match_keys.c.key, match_keys.c.id).where(_OF_SIDE, among(match_keys.c.key))
_CROWDS = (
    select(match_keys.c.key, func.count())
    .where(_OF_SIDE, among(match_keys.c.key))
    .group_by(match_keys.c.key)
    .having(func.count() > bindparam("above"))
)
_COUNTED = select(match_keys.c.key, func.count()).where(_OF_SIDE, among(match_keys.c.key)).group_by(match_keys.c.key)
_ASKING = select(marks.c.id).where(
    marks.c.map == bindparam("map"), marks.c.side == bindparam("side"), ASKED,
    marks.c.id.in_(select(match_keys.c.id).where(_OF_SIDE, among(match_keys.c.key))),
)  # fmt: skip
_ASKING_CROWD = select(marks.c.id).where(
    marks.c.map == bindparam("map"), marks.c.side == bindparam("side"), ASKED,
    exists().where(_OF_SIDE, match_keys.c.id == marks.c.id, among(match_keys.c.key)),
)  # fmt: skip
"""The same, from the side of those who ask: of a key that a crowd carries few have a question."""

_KEYS_OF = select(match_keys.c.key).where(_OF_SIDE, among(match_keys.c.id))
_UNKEY = delete(match_keys).where(_OF_SIDE, among(match_keys.c.id))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stored record. `missing`: fields asked for and not answered (unknown).

    `gone`: None, `gone`, `tombstone` or `merged` (an alias says into what).
    `record.fields` leaves the missing ones out; `kept` has them, as last known.
    """

    record: Record
    kept: Mapping[str, Value]
    missing: tuple[str, ...] = ()
    gone: str | None = None


def digest(text: str) -> bytes:
    """Eight bytes that stand for a text: equal texts are equal, and nobody reads a person's data from it."""
    return blake2b(text.encode(), digest_size=8).digest()


def hashed(text: str) -> int:
    """The same as a number."""
    return int.from_bytes(digest(text), signed=True)


@cache
def scope(map_key: str, side: Side) -> int:
    """The number that stands for a side of a map."""
    return hashed(f"{map_key}\x1f{side}")


class Snapshots:
    """Snapshots by ref, and refs by match key."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def get(self, system: str, kind: str, ids: Iterable[str]) -> dict[str, Snapshot]:
        """Those of the ids that have one."""
        found: dict[str, Snapshot] = {}
        for chunk in chunks(ids):
            for row in self.connection.execute(_GET, {"system": system, "kind": kind, "among": chunk}).all():
                found[row[2]] = _remembered(*row)
        return found

    def page(self, system: str, kind: str, *, after: str, limit: int = 1000) -> dict[str, Snapshot]:
        """Snapshots of a kind in the order of their ids, those beyond `after`."""
        rows = self.connection.execute(_PAGE, {"system": system, "kind": kind, "after": after, "limit": limit})
        return {row[2]: _snapshot(*row) for row in rows}

    def seen(self, system: str, kind: str, ids: Iterable[str]) -> dict[str, tuple[str | None, datetime | None]]:
        """Version and moment of reading of those that have one and are not gone."""
        found: dict[str, tuple[str | None, datetime | None]] = {}
        for chunk in chunks(ids):
            rows = self.connection.execute(_SEEN, {"system": system, "kind": kind, "among": chunk})
            found.update({row.id: (row.version, row.read_at) for row in rows})
        return found

    def put(self, rows: Sequence[Snapshot]) -> None:
        """Store these, whole."""
        upsert(self.connection, snapshots, [_row(snapshot) for snapshot in rows])

    def unread(self) -> None:
        """Nobody has read any of them since: a restored store does not know what they are by now."""
        self.connection.execute(update(snapshots).values(read_at=None))

    def made_between(self, system: str, kind: str, start: datetime, end: datetime, *, gone: bool = False) -> list[str]:
        """Ids of living records (or of all, `gone` ones too) that the vendor's clock says were made in this time."""
        query = select(snapshots.c.id).where(
            snapshots.c.system == system,
            snapshots.c.kind == kind,
            snapshots.c.created_at >= start,
            snapshots.c.created_at <= end,
        )
        query = query if gone else query.where(snapshots.c.gone.is_(None))
        return list(self.connection.execute(query).scalars())

    def rekey(self, map_key: str, side: Side, texts: Mapping[str, Sequence[str]]) -> None:
        """Replace the match keys of these ids."""
        of = scope(map_key, side)
        for chunk in chunks(texts):
            self.connection.execute(_UNKEY, {"scope": of, "among": chunk})
        rows = [
            {"scope": of, "id": id_, "key": key}
            for id_, several in texts.items()
            for key in {hashed(text) for text in several}
        ]
        if rows:
            self.connection.execute(match_keys.insert(), rows)

    def crowds(self, map_key: str, side: Side, keys: Iterable[int], *, above: int) -> dict[int, int]:
        """How many records of a side carry each of these hashed keys, for those that more than `above` carry."""
        found: dict[int, int] = {}
        for chunk in chunks(keys):
            given = {"scope": scope(map_key, side), "among": chunk, "above": above}
            found |= {row[0]: row[1] for row in self.connection.execute(_CROWDS, given)}
        return found

    def asking_near(self, map_key: str, ids: Mapping[Side, Iterable[str]], *, most: int) -> set[str]:
        """Ids of either side with an open question that share a key with one of these.

        A key counts that at most `most` records carry on either side: whoever is one of a crowd may ask about one of a
        few, and finds by that key what a few carry there.
        """
        found: set[str] = set()
        for side, several in ids.items():
            keys: set[int] = set()
            for chunk in chunks(several):
                given = {"scope": scope(map_key, side), "among": chunk}
                keys.update(self.connection.execute(_KEYS_OF, given).scalars())
            for some in chunks(keys):
                carried = {at: self._counted(map_key, at, some) for at in Side}
                for at, counts in carried.items():
                    given = {"scope": scope(map_key, at), "map": map_key, "side": str(at)}
                    few = [key for key, count in counts.items() if count <= most]
                    crowds = [key for key, count in counts.items() if count > most >= carried[side].get(key, 0)]
                    for query, wanted in ((_ASKING, few), (_ASKING_CROWD, crowds)):
                        if wanted:
                            found.update(self.connection.execute(query, {**given, "among": wanted}).scalars())
        return found

    def _counted(self, map_key: str, side: Side, keys: Sequence[int]) -> dict[int, int]:
        given = {"scope": scope(map_key, side), "among": keys}
        return {row[0]: row[1] for row in self.connection.execute(_COUNTED, given)}

    def keyed(self, map_key: str, side: Side, keys: Iterable[int]) -> dict[int, list[str]]:
        """Ids of a side by hashed key, for those of the keys that somebody has."""
        found: dict[int, list[str]] = {}
        for chunk in chunks(keys):
            for key, id_ in self.connection.execute(_KEYED, {"scope": scope(map_key, side), "among": chunk}).all():
                found.setdefault(key, []).append(id_)
        return found


def _snapshot(
    system: str, kind: str, id_: str, fields: str, missing: str | None, version: str | None, modified_at: int | None,
    created_at: int | None, read_at: int | None, mine: bool | None, was: str | None, gone: str | None,
) -> Snapshot:  # fmt: skip
    """A row, in the order of the table's columns, as it is stored."""
    kept, unknown = from_json(fields), from_json(missing) or ()
    record = Record(
        ref=Ref(system, kind, id_),
        fields={name: value for name, value in kept.items() if name not in unknown} if unknown else kept,
        version=version,
        modified_at=moment(modified_at),
        created_at=moment(created_at),
        read_at=moment(read_at),
        mine=mine,
        was=from_json(was) or (),
    )
    return Snapshot(record, kept, unknown, gone)


# A batch looks at each of its records in several transactions, and mostly finds the row that it found before.
_remembered = lru_cache(2048)(_snapshot)


def _row(snapshot: Snapshot) -> dict[str, object]:
    record = snapshot.record
    return {
        "system": record.ref.system,
        "kind": record.ref.kind,
        "id": record.ref.id,
        "fields": snapshot.kept,
        "missing": snapshot.missing or None,
        "version": record.version,
        "modified_at": record.modified_at,
        "created_at": record.created_at,
        "read_at": record.read_at,
        "mine": record.mine,
        "was": record.was or None,
        "gone": snapshot.gone,
    }
