"""What the org tells of itself: versions, resources, limits, objects and their fields.

What is not here: rows.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

from syncd_salesforce.sandbox.call import Answer, Call
from syncd_salesforce.sandbox.schema import Thing

_SEASONS = ("Spring", "Summer", "Winter")
_FIRST = 60
"""API 60 is Spring '24; three seasons a year, and Winter bears the next year's number."""


def versions(oldest: int, newest: int) -> list[dict[str, str]]:
    """GET /services/data: asked without a session."""
    return [
        {"label": _label(one), "url": f"/services/data/v{one}.0", "version": f"{one}.0"}
        for one in range(oldest, newest + 1)
    ]


def resources(call: Call) -> Answer:
    """GET /services/data/vXX.X."""
    base = f"/services/data/v{call.version}"
    names = ("sobjects", "query", "queryAll", "limits", "composite", "jobs")
    return Answer(200, {name: f"{base}/{name}" for name in names})


def limits(call: Call) -> Answer:
    """GET /limits."""
    daily = int(call.org.settings["daily"])
    return Answer(
        200,
        {
            "DailyApiRequests": {"Max": daily, "Remaining": daily - call.gate.used()},
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
            "DataStorageMB": {"Max": 1024, "Remaining": 1000},
        },
    )


def all_objects(call: Call) -> Answer:
    """GET /sobjects."""
    heads = [each.head() for each in call.org.schema.things.values() if not each.hidden]
    return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": heads})


def one_object(call: Call) -> Answer:
    """GET /sobjects/{type}."""
    return Answer(200, {"objectDescribe": call.thing.head(), "recentItems": []})


def describe(call: Call) -> Answer:
    """GET /sobjects/{type}/describe; 304 where nothing has changed since If-Modified-Since."""
    thing = call.thing
    since = call.moment("if-modified-since")
    if since is not None and thing.changed <= since and call.org.settings["describe_304"]:
        return Answer(304)
    head = {"Last-Modified": formatdate(thing.changed, usegmt=True)}
    return Answer(200, _described(call, thing), headers=head)


def _described(call: Call, thing: Thing) -> dict[str, Any]:
    children = [
        {"childSObject": child.name, "field": link.name, "relationshipName": None, "cascadeDelete": False}
        for child, link in call.org.schema.children(thing.name)
    ]
    return {
        **thing.head(),
        "fields": [each.wire() for each in thing.shown()],
        "childRelationships": children,
        "recordTypeInfos": _record_types(call, thing),
    }


def _record_types(call: Call, thing: Thing) -> list[dict[str, Any]]:
    rows = [row for row in call.org.store.all("RecordType") if row["SobjectType"] == thing.name]
    told = [
        {
            "active": row["IsActive"], "available": True, "defaultRecordTypeMapping": False, "master": False,
            "developerName": row["DeveloperName"], "name": row["Name"], "recordTypeId": row["Id"],
        }
        for row in rows
    ]  # fmt: skip
    master = {"active": True, "available": True, "defaultRecordTypeMapping": True, "master": True}
    return [*told, {**master, "developerName": "Master", "name": "Master", "recordTypeId": "012000000000000AAA"}]


def _label(version: int) -> str:
    year, season = divmod(version - _FIRST, 3)
    return f"{_SEASONS[season]} '{24 + year + (season == 2)}"
