"""The rows that every org begins with: users, a queue, record types, lead statuses and stages. All people are invented.

What is not here: leads and the like (`seeding`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd_salesforce.sandbox.ids import Mint
from syncd_salesforce.sandbox.standard import LEAD_STATUSES, STAGES
from syncd_salesforce.sandbox.store import Hand, Row, Store

INTEGRATION = "integration@roofing.example"
"""User name of the integration user: the default sub of a JWT, and who the client credentials flow runs as."""

QUEUE = "Web Leads"
ZONE = "America/Chicago"
_PEOPLE = (("Dana", "Reyes", True), ("Miguel", "Sosa", True), ("Priya", "Raman", True), ("Tom", "Becker", False))
_TYPES = (("Opportunity", "Residential"), ("Opportunity", "Commercial"), ("Lead", "Homeowner"))
_CATEGORY = {"BestCase": "Best Case", "Forecast": "Commit"}


def furnish(store: Store, mint: Mint, blank: Mapping[str, Any], now: int) -> None:
    """Write them, stamped two days ago. `blank`: per object every field with its default."""
    boss = mint.new("005")
    store.begin(Hand(boss, "Salesforce", "system"))
    rows = _rows()
    if "IsPersonType" in blank["RecordType"]:
        rows.append(("RecordType", "012", {**_record_type("Account", "PersonAccount"), "IsPersonType": True}))
    for name, prefix, fields in rows:
        row: Row = {**blank[name], **fields, "Id": mint.new(prefix)}
        if fields.get("Username") == INTEGRATION:
            row["Id"] = boss
        _stamp(row, boss, now - 2 * 86_400)
        store.put(name, row)
    store.commit()


def _rows() -> list[tuple[str, str, dict[str, Any]]]:
    rows: list[tuple[str, str, dict[str, Any]]] = [("User", "005", _user("Syncd", "Integration", True, INTEGRATION))]
    rows += [
        ("User", "005", _user(first, last, active, f"{first}.{last}@example.com".lower()))
        for first, last, active in _PEOPLE
    ]
    rows += [("Group", "00G", {"Name": QUEUE, "DeveloperName": QUEUE.replace(" ", "_"), "Type": "Queue"})]
    rows += [("RecordType", "012", _record_type(object, name)) for object, name in _TYPES]
    for at, name in enumerate(LEAD_STATUSES, start=1):
        flags = {"IsConverted": name == "Closed - Converted", "IsDefault": at == 1}
        rows.append(("LeadStatus", "01J", {"MasterLabel": name, "ApiName": name, "SortOrder": at, **flags}))
    for at, (name, chance, category, closed, won) in enumerate(STAGES, start=1):
        told: dict[str, Any] = {"IsActive": True, "IsClosed": closed, "IsWon": won, "DefaultProbability": float(chance)}
        told |= {"ForecastCategory": category, "ForecastCategoryName": _CATEGORY.get(category, category)}
        rows.append(("OpportunityStage", "01J", {"MasterLabel": name, "ApiName": name, "SortOrder": at, **told}))
    org = {"Name": "Roofing Sandbox", "OrganizationType": "Developer Edition", "IsSandbox": True}
    rows.append(("Organization", "00D", {**org, "TimeZoneSidKey": ZONE}))
    return rows


def _record_type(object: str, name: str) -> dict[str, Any]:
    return {"Name": name, "DeveloperName": name, "SobjectType": object, "IsActive": True}


def _user(first: str, last: str, active: bool, name: str) -> dict[str, Any]:
    return {
        "Username": name, "FirstName": first, "LastName": last, "Name": f"{first} {last}", "Email": name,
        "IsActive": active, "Alias": (first[0] + last)[:8].lower(), "TimeZoneSidKey": ZONE,
    }  # fmt: skip


def _stamp(row: Row, by: str, at: int) -> None:
    row |= {"CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at, "CreatedById": by, "LastModifiedById": by}
