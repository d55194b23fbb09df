"""Two lean vendors in memory: as much of HubSpot and JobNimbus as a sync of contacts asks for, and as fast as it goes.

What is not here: the wire (`server`), and fidelity: the sandboxes are faithful, these only cost nothing. What a
benchmark counts stands in `Vendor.counts`; what was written, and when, in `Vendor.writes`.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any

import orjson

from tests.bench import people

Row = dict[str, Any]
Answer = tuple[int, Any]
"""An HTTP status, and a body that is dumped as JSON."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its path without the query, and what came with it."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Vendor:
    """Records in the order they were made, an order by modified time, and indices made when they are asked for."""

    grain: float
    rows: dict[str, Row] = field(default_factory=dict)
    stamps: list[int] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    modified: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    writes: list[tuple[float, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    indices: dict[str, Index] = field(default_factory=dict)

    def now(self) -> int:
        """The vendor's clock in its own grain."""
        return int(time.time() / self.grain)

    def keep(self, id: str, row: Row, at: int) -> None:
        """A new record."""
        self.ids.append(id)
        self.rows[id] = {}
        self.change(id, row, at)

    def change(self, id: str, fields: Mapping[str, Any], at: int) -> None:
        """What is written to a record: never before what was written last."""
        self.rows[id] |= fields
        for name in self.indices.keys() & fields:
            self.indices[name].add(id, fields[name])
        self.stamps.append(at)
        self.touched.append(id)
        self.modified[id] = at

    def between(self, low: int, high: int | None = None) -> list[str]:
        """Who was changed last from `low` up to, but not with, `high`; the oldest change first."""
        start = bisect_left(self.stamps, low)
        end = len(self.stamps) if high is None else bisect_left(self.stamps, high)
        pairs = zip(self.stamps[start:end], self.touched[start:end], strict=True)
        return [id_ for at, id_ in pairs if self.modified[id_] == at]

    def holding(self, name: str, values: Iterable[str], form: Callable[[Any], str]) -> list[str]:
        """Whose field holds one of these values, by an index that is made once for each field."""
        if name not in self.indices:
            self.indices[name] = Index(form)
            for id_, row in self.rows.items():
                self.indices[name].add(id_, row.get(name))
        wanted = [(form(value), self.indices[name]) for value in values]
        found = (id_ for value, index in wanted for id_ in index.ids.get(value, ()) if id_ in self.rows)
        forms = {value for value, _ in wanted}
        return [id_ for id_ in dict.fromkeys(found) if form(self.rows[id_].get(name)) in forms]


@dataclass(slots=True)
class Index:
    """Who ever held a value, in the form in which values are compared."""

    form: Callable[[Any], str]
    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, id: str, value: Any) -> None:
        """One more."""
        self.ids[self.form(value)].append(id)


class HubSpot(Vendor):
    """Contacts by the paths of the dated API and of v3."""

    @staticmethod
    def filled(size: int, *, wide: bool) -> HubSpot:
        """With so many people in it."""
        vendor = HubSpot(grain=0.001)
        for number in range(size):
            row = people.hubspot(number)
            id_ = str(101 + number)
            own = row if wide else {name: row[name] for name in row if not name.startswith("extra_")}
            vendor.keep(id_, own, people.born(number) * 1000)
        return vendor

    def answer(self, asked: Asked) -> Answer:
        """What HubSpot says."""
        parts = asked.path.strip("/").split("/")
        if parts[:2] == ["crm", "objects"] or parts[:3] == ["crm", "v3", "objects"]:
            return self._objects(asked, parts[parts.index("contacts") + 1 :])
        self.counts["schema"] += 1
        if parts[0] == "account-info":
            return 200, {"portalId": 1, "timeZone": "UTC"}
        if "properties" in parts:
            return 200, {"results": [_property(name) for name in _PROPERTIES]}
        return 200, {"results": []}

    def _objects(self, asked: Asked, rest: Sequence[str]) -> Answer:
        match asked.method, list(rest):
            case "GET", []:
                return self._list(asked.query)
            case "POST", ["search"]:
                return self._search(asked.body)
            case "POST", ["batch", "read"]:
                return self._batch_read(asked)
            case "POST", ["batch", ("update" | "create") as verb]:
                self.counts[f"batch {verb}"] += 1
                rows = [self._written(verb, one) for one in asked.body["inputs"]]
                return 201 if verb == "create" else 200, {"status": "COMPLETE", "results": rows}
            case "PATCH", [id_]:
                self.counts["patch"] += 1
                return 200, self._written("update", {"id": id_, "properties": asked.body["properties"]})
            case "POST", []:
                self.counts["post"] += 1
                return 201, self._written("create", asked.body)
            case "GET", [id_]:
                self.counts["get"] += 1
                return (200, self._shown(id_, _names(asked.query))) if id_ in self.rows else (404, {})
        return 404, {"status": "error", "message": f"The benchmark knows no {asked.method} {asked.path}."}

    def _list(self, query: Mapping[str, str]) -> Answer:
        if query.get("archived") == "true":
            self.counts["bin"] += 1
            return 200, {"results": []}
        self.counts["list"] += 1
        limit, start = int(query.get("limit", "10")), int(query.get("after", "0"))
        ids = self.ids[start : start + limit]
        page: Row = {"results": [self._shown(id_, _names(query)) for id_ in ids]}
        if start + limit < len(self.rows):
            page["paging"] = {"next": {"after": str(start + limit)}}
        return 200, page

    def _search(self, body: Row) -> Answer:
        groups = [{one["propertyName"]: {} for one in group["filters"]} for group in body["filterGroups"]]
        for group, found in zip(body["filterGroups"], groups, strict=True):
            for one in group["filters"]:
                found[one["propertyName"]][one["operator"]] = one.get("values", one.get("value"))
        if "lastmodifieddate" in groups[0]:
            bounds = groups[0]["lastmodifieddate"]
            self.counts["search" if int(bounds["LT"]) > self.now() - _OLD else "settled"] += 1
            ids = self.between(int(bounds["GTE"]), int(bounds["LT"]))
        else:
            self.counts["look-up"] += 1
            ids = list(dict.fromkeys(id_ for group in groups for id_ in self._matching(group)))
        last = int(groups[0].get("hs_object_id", {}).get("GT", 0))
        ids = sorted((id_ for id_ in ids if int(id_) > last), key=int)
        page = [self._shown(id_, body.get("properties") or ()) for id_ in ids[: body["limit"]]]
        return 200, {"total": len(ids), "results": page}

    def _matching(self, group: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Whom a group of filters finds: by the first of its properties that is no id."""
        for name, asked in group.items():
            values = asked.get("IN") or [asked["EQ"]] if "IN" in asked or "EQ" in asked else ()
            if values:
                own = {"hs_searchable_calculated_phone_number": "phone"}.get(name, name)
                return self.holding(own, values, _digits if own == "phone" else _lower)
        return []

    def _batch_read(self, asked: Asked) -> Answer:
        self.counts["look-up" if "idProperty" in asked.body else "batch read"] += 1
        ids = [str(one["id"]) for one in asked.body["inputs"]]
        if (name := asked.body.get("idProperty")) is not None:
            ids = self.holding(name, ids, _lower)
        return 200, {"results": [self._shown(id_, asked.body["properties"]) for id_ in ids if id_ in self.rows]}

    def _written(self, verb: str, one: Row) -> Row:
        at, properties = self.now(), one["properties"]
        if verb == "create":
            id_ = str(101 + len(self.ids))
            self.keep(id_, properties, at)
        else:
            id_ = str(one["id"])
            self.change(id_, properties, at)
        self.writes.append((time.monotonic(), id_))
        shown = self._shown(id_, [*properties])
        return shown | ({"objectWriteTraceId": trace} if (trace := one.get("objectWriteTraceId")) else {})

    def _shown(self, id: str, names: Iterable[str]) -> Row:
        row, at = self.rows[id], _iso(self.modified[id])
        own = {"hs_object_id": id, "lastmodifieddate": at, "createdate": at}
        told = own | {name: row.get(name) for name in names if name not in own}
        return {"id": id, "properties": told, "createdAt": at, "updatedAt": at, "archived": False}


class JobNimbus(Vendor):
    """Contacts by the paths of api1."""

    @staticmethod
    def filled(size: int, *, wide: bool) -> JobNimbus:
        """With so many people in it."""
        vendor = JobNimbus(grain=1.0)
        for number in range(size):
            row = people.jobnimbus(number)
            own = row if wide else {name: row[name] for name in row if not name.startswith("cf_")}
            vendor.put(own, people.born(number))
        return vendor

    def put(self, row: Row, at: int) -> str:
        """A new record."""
        id_ = f"jn{len(self.rows):08}"
        own = {"jnid": id_, "recid": len(self.rows) + 1, "type": "contact", "date_created": at}
        self.keep(id_, own | row, at)
        return id_

    def answer(self, asked: Asked) -> Answer:
        """What JobNimbus says."""
        match asked.method, asked.path.strip("/").split("/")[1:]:
            case "GET", ["contacts"]:
                return 200, self._list(asked.query)
            case "GET", ["contacts", id_]:
                self.counts["get"] += 1
                return (200, self._shown(id_)) if id_ in self.rows else (404, "Not Found")
            case "PUT", ["contacts", id_]:
                self.counts["put"] += 1
                self.change(id_, asked.body, self.now())
                self.writes.append((time.monotonic(), id_))
                return 200, self._shown(id_)
            case "POST", ["contacts"]:
                self.counts["post"] += 1
                id_ = self.put({"is_active": True, **asked.body}, self.now())
                self.writes.append((time.monotonic(), id_))
                return 200, self._shown(id_)
            case "GET", ["account", what]:
                self.counts["schema"] += 1
                return 200, {"users": []} if what == "users" else _SETTINGS
        return 404, "Not Found"

    def _list(self, query: Mapping[str, str]) -> Row:
        must = orjson.loads(query["filter"])["must"] if "filter" in query else []
        name, size = query.get("sort_field", "date_created"), int(query.get("size", "1000"))
        falling, start = query.get("sort_direction", "desc") == "desc", int(query.get("from", "0"))
        ranges = {key: bounds for one in must for key, bounds in one.get("range", {}).items()}
        looked_up = [one for one in must if "range" not in one]
        self.counts["look-up" if looked_up else "list" if ranges or not falling else "sample"] += 1
        if looked_up:
            ids = list(dict.fromkeys(id_ for clause in looked_up for id_ in self._matching(clause)))
            ids.sort(key=lambda id_: (self._stamp(id_, name), id_))
        elif "date_updated" in ranges or name == "date_updated":
            low, high = (ranges.get("date_updated", {}).get(bound) for bound in ("gte", "lte"))
            ids = self.between(int(low or 0), None if high is None else int(high) + 1)
            made = ranges.get("date_created", {})
            if made:
                first, last = made.get("gte", 0), made.get("lte", inf)
                ids = [id_ for id_ in ids if first <= self._stamp(id_, "date_created") <= last]
            if name != "date_updated":
                ids.sort(key=lambda id_: (self._stamp(id_, name), id_))
        else:
            ids = self._made(ranges.get("date_created", {}))
        page = ids[::-1] if falling else ids
        return {"count": len(ids), "results": [self._shown(id_) for id_ in page[start : start + size]]}

    def _made(self, bounds: Mapping[str, Any]) -> list[str]:
        """By the time they were made, which is the order they are kept in."""
        ids, key = self.ids, lambda id_: self.rows[id_]["date_created"]
        low = bisect_left(ids, bounds["gte"], key=key) if "gte" in bounds else 0
        high = bisect_left(ids, bounds["lte"] + 1, key=key) if "lte" in bounds else len(ids)
        return ids[low:high]

    def _matching(self, clause: Mapping[str, Any]) -> list[str]:
        if "bool" in clause:
            return [id_ for one in clause["bool"]["should"] for id_ in self._matching(one)]
        (asked,) = clause.values()
        ((name, value),) = asked.items()
        return self.holding(name, [str(value)], _digits if name.endswith("_phone") else _lower)

    def _stamp(self, id: str, name: str) -> int:
        return self.modified[id] if name == "date_updated" else int(self.rows[id]["date_created"])

    def _shown(self, id: str) -> Row:
        return self.rows[id] | {"date_updated": self.modified[id]}


_PROPERTIES = (
    "firstname", "lastname", "email", "phone", "company", "address", "city", "state", "zip",
    *(f"extra_{each}" for each in range(1, people.EXTRA + 1)),
    "hs_object_id", "lastmodifieddate", "createdate", "hs_searchable_calculated_phone_number",
)  # fmt: skip

_OLD = 60_000
"""Milliseconds behind now from which on a search looks at what has settled."""

_SETTINGS = {
    "workflows": [
        {"id": 1, "name": "Customer", "object_type": "contact", "is_active": True,
         "status": [{"id": 1, "name": "Lead", "is_active": True}]},
    ],
    "sources": [],
    "locations": [],
}  # fmt: skip


def _property(name: str) -> Row:
    kind, options = ("datetime", "date") if name.endswith("date") else ("string", "text"), []
    if name.startswith("extra_"):
        place = int(name.removeprefix("extra_")) % 3
        kind = (("string", "text"), ("number", "number"), ("enumeration", "select"))[place]
        options = [{"label": one, "value": one} for one in people.CHOICES] if place == 2 else []
    return {
        "name": name, "label": name, "type": kind[0], "fieldType": kind[1], "options": options,
        "hubspotDefined": not name.startswith("extra_"), "calculated": name.startswith("hs_"),
        "modificationMetadata": {"readOnlyValue": name.startswith("hs_") or name.endswith("date")},
        "hasUniqueValue": name == "email",
    }  # fmt: skip


def _names(query: Mapping[str, str]) -> list[str]:
    return query["properties"].split(",") if "properties" in query else []


def _iso(millis: int) -> str:
    stamp = datetime.fromtimestamp(millis / 1000, tz=UTC)
    return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lower(value: Any) -> str:
    return str(value).lower()


def _digits(value: Any) -> str:
    digits = "".join(filter(str.isdigit, str(value)))
    return digits[-10:]
