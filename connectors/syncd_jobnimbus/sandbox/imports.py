"""A spreadsheet imported by a person: a record per row, and for contacts a job beside it in `job.` columns.

What is not here: invented records (`seeding`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from syncd.kit.sandbox import ControlError
from syncd_jobnimbus.sandbox.fields import WORD, Holds
from syncd_jobnimbus.sandbox.records import Records
from syncd_jobnimbus.sandbox.rules import Refusal, Row
from syncd_jobnimbus.sandbox.store import Who
from syncd_jobnimbus.sandbox.typed import demand_known, fields_of, typed

_JOB = "job."


def import_csv(records: Records, kind: str, text: str) -> dict[str, Any]:
    """Create what the rows say, by field name or label; a refused row is listed and the others go on.

    Answers {"created": n, "ids": [...], "jobs": [...], "refused": [{"row", "error"}]}. ControlError for a column that
    nobody knows.
    """
    demand_known([kind], WORD)
    reader = csv.DictReader(io.StringIO(text))
    known = _columns(records, kind)
    demand_known([name for name in reader.fieldnames or () if name], known)
    told: dict[str, Any] = {"created": 0, "ids": [], "jobs": [], "refused": []}
    who = Who(records.account.users[0], "person")
    for number, cells in enumerate(reader, start=1):
        try:
            _row(records, kind, cells, known, who, told)
        except (Refusal, ControlError) as error:
            told["refused"].append({"row": number, "error": str(error)})
    return told


def _columns(records: Records, kind: str) -> dict[str, Holds]:
    known = fields_of(records.account, kind)
    if kind == "contacts":
        known |= {f"{_JOB}{name}": holds for name, holds in fields_of(records.account, "jobs").items()}
    return known


def _row(
    records: Records, kind: str, cells: Mapping[str, Any], known: Mapping[str, Holds], who: Who, told: dict[str, Any]
) -> None:
    zone = str(records.settings["timezone"])
    values = {n: typed(records.account, known[n], cell, zone) for n, cell in cells.items() if n in known and cell}
    own = {name: value for name, value in values.items() if kind == "jobs" or not name.startswith(_JOB)}
    row = records.create(kind, own, who, person=True)
    told["created"] += 1
    told["ids"].append(row["jnid"])
    job = {name.removeprefix(_JOB): value for name, value in values.items() if name not in own}
    if job:
        told["jobs"].append(_job(records, row, job, who)["jnid"])


def _job(records: Records, contact: Row, job: Mapping[str, Any], who: Who) -> Row:
    body = {"name": contact["display_name"], **job, "primary": {"id": contact["jnid"]}}
    return records.create("jobs", body, who, person=True)
