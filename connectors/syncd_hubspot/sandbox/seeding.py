"""Filling the account: invented leads as people would have typed them, or rows of a CSV.

What is not here: the people themselves (`kit.people`).
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Mapping
from typing import Any

from syncd.kit.people import Person, people
from syncd.kit.sandbox import ControlError
from syncd_hubspot.sandbox.errors import ApiError
from syncd_hubspot.sandbox.people import Owner
from syncd_hubspot.sandbox.portal import Portal
from syncd_hubspot.sandbox.records import Row, Who
from syncd_hubspot.sandbox.tables import Table
from syncd_hubspot.sandbox.times import DAY_MS, day, iso
from syncd_hubspot.sandbox.writes import Rules

_IMPORT = Who("IMPORT", None, "person", "CSV import")
_KNOWN = frozenset(("leads", "seed", "messy", "deals", "stage", "days"))


def seed(portal: Portal, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Make contacts, each with a deal, by owners in HubSpot's pages.

    `leads` how many; `seed` which people (asked again, it goes on with the next ones); `messy` as people really type;
    `deals` false: contacts only; `stage`: all deals in that one; `days`: made over so many past days and already
    searchable, instead of now.
    """
    if unknown := set(spec) - _KNOWN:
        raise ControlError(f"unknown words {sorted(unknown)}; known are {sorted(_KNOWN)}")
    number, which = int(spec.get("leads", 0)), int(spec.get("seed", 1))
    skip = portal.seeded.get(which, 0)
    portal.seeded[which] = skip + number
    rng = random.Random(f"{which}:{skip}")
    made = [
        _lead(portal, person, spec, rng)
        for person in people(skip + number, which, bool(spec.get("messy", True)))[skip:]
    ]
    if "days" in spec:
        portal.tick()
        for table in portal.tables.values():
            table.index.catch_up()
    return {"contacts": [one for one, _ in made], "deals": [other for _, other in made if other]}


def import_csv(portal: Portal, table: Table, text: str) -> dict[str, Any]:
    """A record per row; columns by property name or label, `deal.`-prefixed ones make an associated deal."""
    rows = list(csv.reader(io.StringIO(text)))
    if not rows:
        raise ControlError("the file is empty; its first row must name the columns")
    deals = portal.tables["deals"]
    columns = [_column(table, deals, name.strip()) for name in rows[0]]
    ids = []
    for line, cells in enumerate(rows[1:], start=2):
        if not any(cells):
            continue
        try:
            ids.append(_imported(portal, table, list(zip(columns, cells, strict=False))))
        except ApiError as error:
            raise ControlError(f"line {line}: {error}; {len(ids)} rows before it were imported") from error
    return {"ids": ids}


def _column(table: Table, deals: Table, name: str) -> tuple[Table, str]:
    prefixed = name.lower().startswith("deal.") and table.kind.name == "contacts"
    where, bare = (deals, name[5:]) if prefixed else (table, name)
    for each in where.schema.living():
        if bare.lower() in (each.name, each.label.lower()):
            return where, each.name
    known = ", ".join(each.name for each in where.schema.living() if not each.read_only)
    raise ControlError(f"unknown column {name!r}; known for {where.kind.name} are {known}")


def _imported(portal: Portal, table: Table, cells: list[tuple[tuple[Table, str], str]]) -> str:
    own = {name: text for (where, name), text in cells if where is table}
    row = _made(portal, table, own, _IMPORT)
    deal = {name: text for (where, name), text in cells if where is not table and text}
    if deal:
        _tied(portal, row, _made(portal, portal.tables["deals"], deal, _IMPORT))
    return str(row.id)


def _made(portal: Portal, table: Table, fields: Mapping[str, Any], who: Who, at: int | None = None) -> Row:
    given = {name: value for name, value in fields.items() if value not in (None, "")}
    return portal.create(table, Rules(portal, "ui", who).check(table, None, given), who, at)


def _tied(portal: Portal, contact: Row, deal: Row) -> None:
    source, target = ("contacts", contact.id), ("deals", deal.id)
    portal.ties.tie(source, target)
    portal.counted(*source)
    portal.counted(*target)


def _lead(portal: Portal, person: Person, spec: Mapping[str, Any], rng: random.Random) -> tuple[str, str | None]:
    owner = rng.choice([each for each in portal.owners.values() if not each.archived])
    who = Who("CRM_UI", f"userId:{owner.user_id}", "person", owner.email, user_id=owner.user_id)
    back = rng.randrange(max(1, int(spec.get("days", 0)) * DAY_MS))
    at = portal.now() - back if spec.get("days") else None
    contact = _contact(portal, _contact_fields(person, owner), who, at)
    if not spec.get("deals", True):
        return str(contact.id), None
    stages = portal.pipelines["default"].stages
    stage = str(spec.get("stage") or rng.choice(list(stages)))
    deal = _made(portal, portal.tables["deals"], _deal_fields(portal, person, owner, stage, rng), who, at)
    _tied(portal, contact, deal)
    return str(contact.id), str(deal.id)


def _contact(portal: Portal, fields: dict[str, Any], who: Who, at: int | None) -> Row:
    """Make a contact; an e-mail that HubSpot refuses (taken, mistyped) is left out, as a person would."""
    table = portal.tables["contacts"]
    try:
        return _made(portal, table, fields, who, at)
    except ApiError:
        return _made(portal, table, {**fields, "email": None}, who, at)


def _contact_fields(person: Person, owner: Owner) -> dict[str, Any]:
    return {
        "email": person.email,
        "firstname": person.first,
        "lastname": person.last,
        "phone": person.phone,
        "mobilephone": person.mobile,
        "company": person.company,
        "address": person.street,
        "city": person.city,
        "state": person.state,
        "zip": person.zip,
        "country": "United States",
        "lifecyclestage": "lead",
        "message": person.note,
        "lead_source": person.source,
        "hubspot_owner_id": str(owner.id),
    }


def _deal_fields(portal: Portal, person: Person, owner: Owner, stage: str, rng: random.Random) -> dict[str, Any]:
    loss = day(portal.now() - rng.randrange(5, 90) * DAY_MS)
    insured = {
        "insurance_carrier": person.insurer,
        "claim_number": f"CLM-{rng.randrange(10**6, 10**7)}",
        "date_of_loss": loss,
    }
    return {
        "dealname": f"{person.first} {person.last} - {person.roof} roof".strip(),
        "dealstage": stage,
        "pipeline": "default",
        "amount": str(person.amount),
        "roof_type": person.roof,
        "job_address": f"{person.street}, {person.city}, {person.state} {person.zip}",
        "description": person.note,
        "inspection_date": iso(portal.now() // 3_600_000 * 3_600_000 + rng.randrange(1, 14) * DAY_MS),
        "hubspot_owner_id": str(owner.id),
        **(insured if person.insurer else {}),
    }
