"""Properties, pipelines, owners and account information.

What is not here: what these things mean for writes (`writes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from syncd_hubspot.sandbox import wire
from syncd_hubspot.sandbox.call import Answer, Call
from syncd_hubspot.sandbox.errors import bad_request, not_found, refuse
from syncd_hubspot.sandbox.people import Pipeline
from syncd_hubspot.sandbox.schema import Schema
from syncd_hubspot.sandbox.standard import PORTAL_ID
from syncd_hubspot.sandbox.times import iso

MAX_OWNERS = 500


def list_properties(call: Call) -> Answer:
    """GET all definitions of a type in one answer."""
    return {"results": [each.wire() for each in _schema(call, "read").described(call.flag("archived"))]}, 200


def get_property(call: Call) -> Answer:
    """GET one definition."""
    schema = _schema(call, "read")
    found = schema.need(call.path["name"])
    if found not in schema.described():
        raise not_found(f"Property {found.name} does not exist")
    return found.wire(), 200


def create_property(call: Call) -> Answer:
    """POST a custom definition, `hasUniqueValue` included."""
    return _schema(call, "write").create(call.object(), call.portal.now()).wire(), 201


def update_property(call: Call) -> Answer:
    """PATCH label, description or options."""
    return _schema(call, "write").update(call.path["name"], call.object(), call.portal.now()).wire(), 200


def archive_property(call: Call) -> Answer:
    """DELETE a custom definition; HubSpot's own cannot go."""
    schema = _schema(call, "write")
    if not schema.need(call.path["name"]).custom:
        raise bad_request("HubSpot defined properties cannot be archived")
    schema.archive(call.path["name"], call.portal.now())
    return None, 204


def list_groups(call: Call) -> Answer:
    """GET the property groups of a type."""
    found = _schema(call, "read").groups
    return {"results": [_group(name, label, order) for order, (name, label) in enumerate(found.items())]}, 200


def create_group(call: Call) -> Answer:
    """POST a property group; 409 when its name is taken."""
    schema, body = _schema(call, "write"), call.object()
    name, label = str(body.get("name") or ""), str(body.get("label") or "")
    if not name or not label:
        raise bad_request("Invalid input JSON: a property group needs name and label")
    if name in schema.groups:
        raise refuse(409, "OBJECT_ALREADY_EXISTS", f"A property group named '{name}' already exists.")
    schema.groups[name] = label
    return _group(name, label, len(schema.groups)), 201


def list_pipelines(call: Call) -> Answer:
    """GET the pipelines of deals with their stages."""
    _pipeline_scopes(call)
    found = call.portal.pipelines.values() if call.portal.table(call.path["type"]).kind.name == "deals" else ()
    return {"results": [pipeline.wire(order) for order, pipeline in enumerate(found)]}, 200


def get_pipeline(call: Call) -> Answer:
    """GET one pipeline."""
    return _pipeline(call).wire(0), 200


def list_stages(call: Call) -> Answer:
    """GET the stages of one pipeline."""
    return {"results": _pipeline(call).wire(0)["stages"]}, 200


def delete_stage(call: Call) -> Answer:
    """DELETE a stage that no deal is in."""
    pipeline, stage = _pipeline(call), call.path["stage"]
    if pipeline.stage(stage) is None:
        raise not_found()
    deals = call.portal.tables["deals"]
    if any(deals.rows[one].values.get("dealstage") == stage for one in deals.live):
        sub = "PipelineError.STAGE_ID_IN_USE"
        raise refuse(400, "VALIDATION_ERROR", f"Stage ID {stage} is in use and cannot be deleted", subCategory=sub)
    pipeline.stages[stage].archived = True
    return None, 204


def list_owners(call: Call) -> Answer:
    """GET owners, by e-mail or archived ones, in pages by id."""
    call.gate.allow(call.token, ["crm.objects.owners.read"])
    email, limit = call.query.get("email", "").lower(), call.number("limit", 100, MAX_OWNERS)
    found = [
        each
        for one, each in sorted(call.portal.owners.items())
        if each.archived == call.flag("archived") and one >= call.after() and email in ("", each.email)
    ]
    more = str(found[limit].id) if limit < len(found) else None
    return {"results": [each.wire() for each in found[:limit]], **wire.paging(more)}, 200


def get_owner(call: Call) -> Answer:
    """GET one owner by id or user id."""
    call.gate.allow(call.token, ["crm.objects.owners.read"])
    by_user = call.query.get("idProperty") == "userId"
    for each in call.portal.owners.values():
        here = each.user_id if by_user else each.id
        if str(here) == call.path["id"] and each.archived == call.flag("archived"):
            return each.wire(), 200
    raise not_found()


def account_details(call: Call) -> Answer:
    """GET who this account is, and its time zone."""
    zone = str(call.portal.settings["timezone"])
    offset = datetime.fromtimestamp(call.portal.now() / 1000, tz=UTC).astimezone(ZoneInfo(zone)).strftime("%z")
    minutes = (int(offset[1:3]) * 60 + int(offset[3:5])) * (-1 if offset[0] == "-" else 1)
    return {
        "portalId": PORTAL_ID,
        "accountType": "STANDARD",
        "timeZone": zone,
        "companyCurrency": "USD",
        "additionalCurrencies": [],
        "utcOffset": f"{offset[:3]}:{offset[3:]}",
        "utcOffsetMilliseconds": minutes * 60_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }, 200


def daily_usage(call: Call) -> Answer:
    """GET how much of the day's budget is used."""
    entry: Mapping[str, Any] = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": int(call.portal.settings["daily"]),
        "currentUsage": call.gate.today,
        "collectedAt": iso(call.portal.now()),
        "fetchStatus": "SUCCESS",
    }
    return {"results": [entry]}, 200


def _group(name: str, label: str, order: int) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": order, "archived": False}


def _schema(call: Call, action: str) -> Schema:
    table = call.portal.table(call.path["type"])
    call.gate.allow(call.token, [f"crm.schemas.{table.kind.scope}.{action}"])
    return table.schema


def _pipeline_scopes(call: Call) -> None:
    name = call.portal.table(call.path["type"]).kind.name
    call.gate.allow(call.token, [], [f"crm.schemas.{name}.read", f"crm.objects.{name}.read"])


def _pipeline(call: Call) -> Pipeline:
    _pipeline_scopes(call)
    found = call.portal.pipelines.get(call.path["pipeline"])
    if found is None:
        raise not_found()
    return found
