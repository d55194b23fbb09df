"""Filling an account with invented customers and their jobs, as the office staff would have typed them.

What is not here: the people themselves (`syncd.kit.people`), and imports (`imports`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from syncd.kit.people import Person, people, variants
from syncd.kit.sandbox import ControlError
from syncd_jobnimbus.sandbox.account import Account
from syncd_jobnimbus.sandbox.records import Records
from syncd_jobnimbus.sandbox.rules import Row
from syncd_jobnimbus.sandbox.store import Who
from syncd_jobnimbus.sandbox.typed import demand_known

_KNOWN = {"leads": 100, "seed": 1, "messy": True, "overlap": 0.0, "overlap_seed": 1, "days": None, "jobs": True}
_DAY = 86_400
_SOLD = ("Sold", "In Production", "Completed", "Paid & Closed", "Done")


@dataclass(frozen=True, slots=True)
class _Office:
    """Whoever types the customers in, and what they choose from."""

    records: Records
    dice: random.Random
    lag: float | None

    @property
    def account(self) -> Account:
        return self.records.account

    def who(self) -> Who:
        return Who(self.dice.choice([user for user in self.account.users if user.active]), "person")


def seed(records: Records, spec: Mapping[str, Any], *, fresh: bool) -> dict[str, Any]:
    """Make `leads` contacts, each with a job; answers {"contacts": n, "jobs": n}.

    `overlap` is the part that are people of another system's `overlap_seed`, written by another hand. `days` spreads
    the creation over that many past days and shows it in lists at once; 0 stamps everything with now, behind the lag.
    Without `days`: 90 while nobody has read a list yet (`fresh`), else 0, since a feed that has begun would rightly
    not look into the past. `jobs` false makes contacts only.
    """
    demand_known(list(spec), _KNOWN)
    asked = {**_KNOWN, **spec}
    leads, days = int(asked["leads"]), asked["days"]
    days = (90 if fresh else 0) if days is None else days
    office = _Office(records, random.Random(f"jobnimbus:{asked['seed']}"), 0.0 if days else None)
    now = int(records.now())
    for number, person in enumerate(_persons(asked, leads, office.dice)):
        at = now - int(days * _DAY * (1 - number / leads))
        contact = _contact(office, person, at)
        if asked["jobs"]:
            _job(office, person, contact, min(now, at + office.dice.randrange(600)) if days else at)
    return {"contacts": leads, "jobs": leads if asked["jobs"] else 0}


def _persons(asked: Mapping[str, Any], leads: int, dice: random.Random) -> list[Person]:
    own, shared, messy = int(asked["seed"]), int(asked["overlap_seed"]), bool(asked["messy"])
    if not 0 <= float(asked["overlap"]) <= 1:
        message = "overlap is a part between 0 and 1"
        raise ControlError(message)
    common = round(leads * float(asked["overlap"]))
    known = [variants(person, dice) for person in people(common, shared, messy)]
    strangers = people(leads - common, own if own != shared or not common else own + 7919, messy)
    together = known + strangers
    dice.shuffle(together)
    return together


def _contact(office: _Office, person: Person, at: int) -> Row:
    name = f"{person.first.strip()} {person.last.strip()}"
    fields = {
        "first_name": person.first,
        "last_name": person.last,
        "display_name": _free(office.records, "contacts", name),
        "company": person.company,
        "email": person.email,
        "home_phone": person.phone,
        "mobile_phone": person.mobile,
        "description": person.note,
        "source_name": person.source,
        "status_name": office.dice.choice(("Lead", "Active", "Active")),
        **_address(person),
    }
    return office.records.create("contacts", fields, office.who(), at=at, lag=office.lag, person=True)


def _job(office: _Office, person: Person, contact: Row, at: int) -> Row:
    dice = office.dice
    flow = dice.choices(office.account.workflows_of("jobs"), weights=(6, 1))[0]
    status = dice.choice(flow.statuses).name
    rep = office.who().user
    fields = {
        "name": _free(office.records, "jobs", f"{person.last.strip()} - {person.street}"),
        "record_type_name": flow.name,
        "status_name": status,
        "primary": {"id": contact["jnid"]},
        "source_name": person.source,
        "sales_rep": rep.id,
        "owners": [{"id": rep.id}],
        "description": person.note,
        "approved_estimate_total": person.amount if status in _SOLD else 0,
        "Roof Type": person.roof,
        **_address(person),
        **(_claim(person, dice, at) if person.insurer else {"Insurance Job": False}),
    }
    return office.records.create("jobs", fields, office.who(), at=at, lag=office.lag, person=True)


def _claim(person: Person, dice: random.Random, at: int) -> dict[str, Any]:
    return {
        "Insurance Job": True,
        "Insurance Carrier": person.insurer,
        "Claim Number": f"CLM-{dice.randrange(10**6, 10**7)}",
        "Deductible": dice.choice((500, 1000, 1500, 2500.5)),
        "Date of Loss": at - dice.randrange(5, 200) * _DAY,
    }


def _address(person: Person) -> dict[str, Any]:
    return {
        "address_line1": person.street,
        "city": person.city,
        "state_text": person.state,
        "zip": person.zip,
        "country_name": "United States",
    }


def _free(records: Records, kind: str, title: str) -> str:
    """The title, or with a number behind it if it is taken."""
    if not records.store.namesakes(kind, title):
        return title
    return next(f"{title} ({n})" for n in count(2) if not records.store.namesakes(kind, f"{title} ({n})"))
