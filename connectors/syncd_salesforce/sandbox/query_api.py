"""Queries, their further pages, and the two lists of changed and deleted ids.

What is not here: SOQL (`soql`, `query`) and bulk queries (`bulk_api`).
"""

from __future__ import annotations

from syncd_salesforce.sandbox import times
from syncd_salesforce.sandbox.call import Answer, Call
from syncd_salesforce.sandbox.errors import refuse
from syncd_salesforce.sandbox.query import Run
from syncd_salesforce.sandbox.soql import parse


def query(call: Call) -> Answer:
    """GET /query?q=."""
    return _asked(call, deleted=False)


def query_all(call: Call) -> Answer:
    """GET /queryAll?q=: the recycle bin, merged records and archived activities, too."""
    return _asked(call, deleted=True)


def more(call: Call) -> Answer:
    """GET /query/{locator}."""
    return Answer(200, call.cursors.next(call.org.clock.seconds(), call.path["locator"], call.batch()))


def updated(call: Call) -> Answer:
    """GET /sobjects/{type}/updated?start&end: ids by SystemModstamp, between two minutes."""
    start, end = _span(call, days=30)
    rows = call.org.store.all(call.thing.name)
    found = [
        row["Id"]
        for row in rows
        if start <= row["SystemModstamp"] < end and not row.get("IsDeleted") and call.org.sees(row)
    ]
    return Answer(200, {"ids": found, "latestDateCovered": _covered(call, end)})


def deleted(call: Call) -> Answer:
    """GET /sobjects/{type}/deleted?start&end: ids in the bin, between two minutes."""
    start, end = _span(call, days=15)
    rows = call.org.store.all(call.thing.name)
    found = [
        {"id": row["Id"], "deletedDate": times.wire(row["_deleted"])}
        for row in rows
        if row.get("IsDeleted") and start <= row["_deleted"] < end and call.org.sees(row)
    ]
    earliest = times.wire(call.org.now() - 15 * times.DAY)
    body = {"deletedRecords": found, "earliestDateAvailable": earliest, "latestDateCovered": _covered(call, end)}
    return Answer(200, body)


def _asked(call: Call, *, deleted: bool) -> Answer:
    text = call.query.get("q")
    if not text:
        raise refuse("MALFORMED_QUERY", "a query (q) is missing")
    return Answer(200, call.cursors.first(Run(call.org, parse(text), deleted, call.version), call.batch()))


def _span(call: Call, *, days: int) -> tuple[int, int]:
    """Both ends without their seconds; INVALID_REPLICATION_DATE where they lie too far back or too close."""
    try:
        start, end = (times.moment(call.query[name]) // 60 * 60 for name in ("start", "end"))
    except (KeyError, ValueError) as error:
        raise refuse("INVALID_REPLICATION_DATE", "start and end must be ISO 8601 datetimes") from error
    if end - start < 60:
        raise refuse("INVALID_REPLICATION_DATE", "endDate must be at least one minute greater than startDate")
    if start < call.org.now() - days * times.DAY:
        raise refuse("INVALID_REPLICATION_DATE", f"startDate before org replication enabled date or {days} days back")
    return start, end


def _covered(call: Call, end: int) -> str:
    """How far the list is whole: long transactions hold it back."""
    back = call.org.now() - float(call.org.settings["covered_back"])
    return times.wire(int(min(end, back)))
