"""A sandboxed account as its own pages would show it: every record, its history, and the requests it was asked.

What is not here: the vendor's API, and syncd's snapshots: what stands here is the truth, whether syncd knows it or not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from syncd.core.model import FieldKind, FieldType, Side, Value
from syncd.kit.remote import Remote
from syncd.lab.crm import CRMS
from syncd.lab.stage import ZONE
from syncd.lab.wire import alive, id_of

FRESH = 0.4
"""Seconds for which what a sandbox said is shown again without asking."""

SHARE = 5
"""A big account is asked less often: so many times as long as its answer took."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its values in the vendor's wire form, whether it lives, and the ids of the contacts it belongs to."""

    id: str
    values: Mapping[str, Any]
    alive: bool
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a record's history on this machine's clock: when, by whom, by which door, and from what to what."""

    at: datetime
    by: str
    via: str
    fields: Mapping[str, tuple[Any, Any]]

    def touches(self, type_: FieldType) -> bool:
        """Whether it changed this field."""
        return type_.name in self.fields or (type_.custom and type_.label in self.fields)


@dataclass(slots=True)
class Account:
    """One side. `offset`: the sandbox's clock less ours. `since`: the first request that counts as syncd's."""

    side: Side
    name: str
    title: str
    remote: Remote
    offset: timedelta
    since: int
    _seen: int = 1
    _sums: dict[str, int] = field(default_factory=lambda: {"count": 0, "writes": 0, "errors": 0})
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[str, tuple[float, float, Any]] = field(default_factory=dict)

    @classmethod
    def over(cls, side: Side, name: str, title: str, remote: Remote, since: int | None) -> Self:
        """Look at the sandbox's clock and begin to count its requests."""
        before = datetime.now(tz=UTC)
        said = _moment(str(remote.clock()["now"]))
        middle = before + (datetime.now(tz=UTC) - before) / 2
        first = remote.mark() if since is None else since
        return cls(side, name, title, remote, said - middle, first, first)

    def rows(self, kind: str) -> Mapping[str, Row]:
        """Every record of a kind by id, team members left out."""
        found: Mapping[str, Row] = self._fresh(kind, lambda: self._rows(kind))
        return found

    def _rows(self, kind: str) -> dict[str, Row]:
        ties = CRMS[self.name].ties(self.remote, kind) if self.name in CRMS else {}
        return {row.id: row for raw in self.remote.records(kind) if (row := _row(raw, ties)) is not None}

    def history(self, kind: str, id: str) -> list[Change]:
        """Every change of a record, oldest first."""
        found: list[Change] = self._fresh(
            f"history {kind} {id}", lambda: [self._change(one) for one in self.remote.history(kind, id)]
        )
        return found

    def requests(self) -> dict[str, int]:
        """What syncd asked of this vendor since the demo began: all requests, writes among them, and failed ones."""
        found: dict[str, int] = self._fresh("requests", self._counted)
        return found

    def forget(self) -> None:
        """Look anew next time: something was done just now."""
        with self._lock:
            self._kept.clear()

    def _counted(self) -> dict[str, int]:
        """Count what came since the last look: the sandbox's log is bounded, our sums are not."""
        with self._counting:
            for one in self.remote.requests(self._seen):
                self._seen = int(one["n"]) + 1
                self._sums["count"] = self._seen - self.since
                self._sums["writes"] += bool(one["write"])
                self._sums["errors"] += one["status"] is None or int(one["status"]) >= 400
            return dict(self._sums)

    def _change(self, raw: Mapping[str, Any]) -> Change:
        fields = {name: (pair[0], pair[1]) for name, pair in dict(raw.get("fields") or {}).items()}
        return Change(_moment(str(raw["at"])) - self.offset, str(raw["by"]), str(raw["via"]), fields)

    def _fresh(self, key: str, ask: Any) -> Any:
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and time.monotonic() < kept[1]:
            return kept[2]
        asked = time.monotonic()
        answer = ask()
        with self._lock:
            if len(self._kept) > 500:
                self._kept.clear()
            if key not in self._kept or self._kept[key][0] < asked:
                until = asked + max(FRESH, SHARE * (time.monotonic() - asked))
                self._kept[key] = (asked, until, answer)
        return answer


def _row(raw: Mapping[str, Any], ties: Mapping[str, Sequence[str]]) -> Row | None:
    """HubSpot keeps values under `properties` and ties beside them; Salesforce has `ties`; JobNimbus all in one."""
    if raw.get("is_user"):
        return None
    primary = raw.get("primary") or {}
    told = dict(raw.get("associations") or {}).get("contacts", ())
    parents = (*told, *ties.get(id_of(raw), ()), *((primary["id"],) if primary else ()))
    return Row(id_of(raw), raw.get("properties", raw), alive(raw), tuple(map(str, parents)))


def raw_value(type_: FieldType, values: Mapping[str, Any]) -> Any:
    """A field's value in wire form; custom fields of JobNimbus stand under their label."""
    return values.get(type_.name, values.get(type_.label) if type_.custom else None)


def canonical(type_: FieldType, raw: Any) -> Value:
    """A wire value as `core.model` says, as far as the page compares it."""
    if raw is None or raw == "" or isinstance(raw, dict | list):
        return None
    match type_.kind:
        case FieldKind.NUMBER:
            number = float(raw)
            return int(number) if number.is_integer() else number
        case FieldKind.BOOL:
            return raw if isinstance(raw, bool) else str(raw).casefold() == "true"
        case FieldKind.DATE | FieldKind.DATETIME:
            return _date(type_.kind, raw)
        case FieldKind.MULTI:
            return tuple(str(raw).split(";"))
    return str(raw)


def _date(kind: FieldKind, raw: Any) -> Value:
    if isinstance(raw, str):
        return raw[:10] if kind is FieldKind.DATE else raw
    if not raw:
        return None
    zone = ZoneInfo(ZONE) if kind is FieldKind.DATE else UTC
    moment = datetime.fromtimestamp(float(raw), tz=zone)
    return moment.strftime("%Y-%m-%d") if kind is FieldKind.DATE else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
