"""Two spreadsheets of one town: the left side's export and the right side's, a part of them the same people.

What is not here: importing them (each vendor's sandbox). People are invented, their streets exist (`kit.people`).
Run `python -m syncd.lab.csvs FOLDER [ROWS]` to write left.csv and right.csv.
"""

from __future__ import annotations

import csv
import io
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from syncd.kit.people import Person, people, variants

Columns = Mapping[str, Callable[[Person, random.Random], object]]

_STAGES = (
    *("appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent"),
    *("closedwon", "closedlost"),
)
_STATUSES = ("Lead", "Appointment Scheduled", "Estimating", "Sold", "In Production", "Completed", "Lost")

LEFT: Columns = {
    "First Name": lambda p, _: p.first,
    "Last Name": lambda p, _: p.last,
    "Email": lambda p, _: p.email,
    "Phone Number": lambda p, _: p.phone,
    "mobilephone": lambda p, _: p.mobile,
    "Company Name": lambda p, _: p.company,
    "Street Address": lambda p, _: p.street,
    "City": lambda p, _: p.city,
    "State/Region": lambda p, _: p.state,
    "Postal Code": lambda p, _: p.zip,
    "lifecyclestage": lambda _, __: "lead",
    "lead_source": lambda p, _: p.source,
    "message": lambda p, _: p.note,
    "deal.dealname": lambda p, _: f"{p.first.strip()} {p.last.strip()} - {p.roof} roof",
    "deal.pipeline": lambda _, __: "default",
    "deal.dealstage": lambda _, dice: dice.choice(_STAGES),
    "deal.amount": lambda p, _: p.amount,
    "deal.roof_type": lambda p, _: p.roof,
    "deal.insurance_carrier": lambda p, _: p.insurer,
    "deal.job_address": lambda p, _: f"{p.street}, {p.city}, {p.state} {p.zip}",
}
"""The left side's columns, by label or by property; `deal.` columns make a deal beside the contact."""

RIGHT: Columns = {
    "first_name": lambda p, _: p.first,
    "last_name": lambda p, _: p.last,
    "display_name": lambda p, _: f"{p.first.strip()} {p.last.strip()}",
    "email": lambda p, _: p.email,
    "home_phone": lambda p, _: p.phone,
    "mobile_phone": lambda p, _: p.mobile,
    "company": lambda p, _: p.company,
    "address_line1": lambda p, _: p.street,
    "city": lambda p, _: p.city,
    "state_text": lambda p, _: p.state,
    "zip": lambda p, _: p.zip,
    "record_type_name": lambda _, __: "Customer",
    "status_name": lambda _, __: "Active",
    "source_name": lambda p, _: p.source,
    "description": lambda p, _: p.note,
    "job.name": lambda p, _: f"{p.last.strip()} - {p.street}",
    "job.record_type_name": lambda _, __: "Roofing",
    "job.status_name": lambda _, dice: dice.choice(_STATUSES),
    "job.Roof Type": lambda p, _: p.roof,
    "job.Insurance Carrier": lambda p, _: p.insurer,
    "job.address_line1": lambda p, _: p.street,
}
"""The right side's columns, by field or by the label of a custom field; `job.` columns make a job of the contact."""

_ONLY_ONCE = ("display_name", "job.name")
"""Two records of the right side may not share these, whatever the capitals."""


def town(rows: int, *, seed: int = 1, same: float = 0.2) -> tuple[str, str]:
    """The texts of both files, `rows` people each; `same` is the part that stands in both, by two hands."""
    dice = random.Random(f"town:{seed}")
    shared = round(rows * same)
    left = people(rows, seed)
    right = [variants(person, dice) for person in dice.sample(left, shared)] + people(rows - shared, seed + 1)
    dice.shuffle(right)
    return _text(left, LEFT, dice), _text(right, RIGHT, dice)


def write(folder: Path, rows: int, *, seed: int = 1) -> tuple[Path, Path]:
    """left.csv and right.csv in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "left.csv", folder / "right.csv"
    for path, text in zip(paths, town(rows, seed=seed), strict=True):
        path.write_text(text, encoding="utf-8", newline="")
    return paths


def _text(persons: Sequence[Person], columns: Columns, dice: random.Random) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(columns))
    writer.writeheader()
    taken: dict[str, set[str]] = {name: set() for name in _ONLY_ONCE}
    for person in persons:
        row = {name: value if (value := make(person, dice)) is not None else "" for name, make in columns.items()}
        for name in _ONLY_ONCE:
            if name in row:
                row[name] = _free(str(row[name]), taken[name])
        writer.writerow(row)
    return out.getvalue()


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number behind it if somebody has it, as people in an office do."""
    free, number = name, 1
    while free.casefold() in taken:
        number += 1
        free = f"{name} ({number})"
    taken.add(free.casefold())
    return free


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3000)
