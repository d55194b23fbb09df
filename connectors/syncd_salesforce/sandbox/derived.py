"""Fields that follow from others: names, what a stage means, whether a task is closed.

What is not here: formulas, which are computed when read (`org`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd_salesforce.sandbox import persons, states, times
from syncd_salesforce.sandbox.errors import bad_row
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.store import Row


def derive(org: Org, thing: Thing, row: Row, given: Mapping[str, Any], before: Row | None) -> None:
    """Bring a row's derived fields up to date, given what was just written into it."""
    if "LastName" in thing.fields and (thing.name != "Account" or persons.is_person(row)):
        row["Name"] = " ".join(part for part in (row.get("FirstName"), row.get("LastName")) if part) or None
    states.settle(thing, row, given)
    if thing.name == "Opportunity":
        _stage(org, row, given, before)
    if thing.name == "Task":
        row["IsClosed"] = row.get("Status") == "Completed"
    if thing.name == "Event":
        _span(row, given)


def _span(row: Row, given: Mapping[str, Any]) -> None:
    """Start and end, or a moment and minutes: whichever was written last decides; Refusal where neither is whole."""
    start = given.get("StartDateTime") or given.get("ActivityDateTime") or row.get("StartDateTime")
    minutes, end = given.get("DurationInMinutes"), given.get("EndDateTime") or row.get("EndDateTime")
    if start is not None and minutes is not None:
        end = start + 60 * minutes
    if start is None or end is None or end < start:
        sentence = "An event needs a start and an end, or a moment and its minutes"
        raise bad_row("FIELD_INTEGRITY_EXCEPTION", sentence, "DurationInMinutes")
    row |= {"StartDateTime": start, "ActivityDateTime": start, "EndDateTime": end}
    row |= {"DurationInMinutes": (end - start) // 60, "ActivityDate": times.day_of(start)}


def _stage(org: Org, row: Row, given: Mapping[str, Any], before: Row | None) -> None:
    stages = {each["ApiName"]: each for each in org.store.all("OpportunityStage")}
    stage = stages.get(row.get("StageName"), {})
    moved = before is None or before.get("StageName") != row.get("StageName")
    row |= {"IsClosed": bool(stage.get("IsClosed")), "IsWon": bool(stage.get("IsWon"))}
    if moved and given.get("Probability") is None:
        row["Probability"] = stage.get("DefaultProbability", 0.0)
    if moved:
        row["ForecastCategory"] = stage.get("ForecastCategory", "Pipeline")
        if given.get("ForecastCategoryName") is None:
            row["ForecastCategoryName"] = stage.get("ForecastCategoryName", "Pipeline")
    amount, chance = row.get("Amount"), row.get("Probability")
    row["ExpectedRevenue"] = None if amount is None else round(amount * (chance or 0) / 100, 2)
