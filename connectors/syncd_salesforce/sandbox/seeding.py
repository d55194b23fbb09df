"""Filling the org: invented leads as people would have typed them, or rows of a CSV.

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
from syncd_salesforce.sandbox import times
from syncd_salesforce.sandbox.errors import Refusal
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.standard import LEAD_STATUSES, STAGES
from syncd_salesforce.sandbox.store import Hand, Row
from syncd_salesforce.sandbox.writes import insert, transaction

_KNOWN = frozenset(("leads", "seed", "messy", "into", "stage", "days", "worked"))
_INTO = ("Lead", "Contact", "Both")
_SOURCE = {"Website": "Web", "Instant Quote": "Web"}


def seed(org: Org, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Make people, by salespersons in Salesforce's pages.

    `leads` how many; `seed` which people (asked again, it goes on with the next ones); `messy` as people really type;
    `into` Lead, or Contact: contacts with an account and an opportunity each, or Both: by turns; `worked`: the part of
    the leads, from 0 to 1, that somebody works on; `stage`: all opportunities in that one; `days`: made over so many
    past days instead of now.
    """
    if unknown := set(spec) - _KNOWN:
        raise ControlError(f"unknown words {sorted(unknown)}; known are {sorted(_KNOWN)}")
    count, which, into = int(spec.get("leads", 0)), int(spec.get("seed", 1)), str(spec.get("into", "Lead"))
    if into not in _INTO:
        raise ControlError(f"people go into {' or '.join(_INTO)}, not {into}")
    skip = org.seeded.get(which, 0)
    org.seeded[which] = skip + count
    rng = random.Random(f"{which}:{skip}")
    made: dict[str, list[str]] = {"Lead": []} if into != "Contact" else {}
    made |= {"Contact": [], "Account": [], "Opportunity": []} if into != "Lead" else {}
    for at, each in enumerate(people(skip + count, which, bool(spec.get("messy", True)))[skip:]):
        turn = into if into != "Both" else _INTO[at % 2]
        for name, id in _person(org, each, spec, rng, turn).items():
            made[name].append(id)
    return made


def import_csv(org: Org, thing: Thing, text: str) -> dict[str, Any]:
    """A record per row; columns by field name or label."""
    rows = list(csv.reader(io.StringIO(text)))
    if not rows:
        raise ControlError("the file is empty; its first row must name the columns")
    columns = [_column(thing, name.strip()) for name in rows[0]]
    user, made = org.integration, []
    hand = Hand(user["Id"], "CSV import", "person")
    for line, cells in enumerate(rows[1:], start=2):
        given = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
        if not given:
            continue
        try:
            with transaction(org, hand):
                made.append(insert(org, thing, given, hand)["Id"])
        except Refusal as error:
            raise ControlError(f"line {line}: {error}; {len(made)} rows before it were imported") from error
    return {"ids": made}


def _column(thing: Thing, name: str) -> str:
    for each in thing.shown():
        if name.lower() in (each.name.lower(), each.label.lower()):
            return each.name
    known = ", ".join(each.name for each in thing.shown() if each.createable)
    raise ControlError(f"unknown column {name!r}; known for {thing.name} are {known}")


def _person(org: Org, one: Person, spec: Mapping[str, Any], rng: random.Random, into: str) -> dict[str, str]:
    users = [row for row in org.store.rows["User"].values() if row["IsActive"] and row is not org.integration]
    owner = rng.choice(users)
    hand = Hand(owner["Id"], owner["Email"], "person")
    back = rng.randrange(max(1, int(spec.get("days", 0)) * times.DAY))
    at = org.now() - back if spec.get("days") else None
    with transaction(org, hand):
        if into == "Lead":
            worked = {"Status": LEAD_STATUSES[1]} if "worked" in spec and rng.random() < float(spec["worked"]) else {}
            return {"Lead": _made(org, "Lead", {**_lead(one, rng), **worked}, hand, at)["Id"]}
        account = _made(org, "Account", {"Name": one.company or f"{one.last.strip()} Household"}, hand, at)["Id"]
        contact = _made(org, "Contact", {**_contact(one), "AccountId": account}, hand, at)["Id"]
        stage = str(spec.get("stage") or rng.choice(STAGES)[0])
        deal = _made(org, "Opportunity", {**_opportunity(org, one, stage, rng), "AccountId": account}, hand, at)["Id"]
        role = {"OpportunityId": deal, "ContactId": contact, "IsPrimary": True}
        _made(org, "OpportunityContactRole", role, hand, at)
    return {"Contact": contact, "Account": account, "Opportunity": deal}


def _made(org: Org, name: str, given: Mapping[str, Any], hand: Hand, at: int | None) -> Row:
    thing = org.schema.things[name]
    fields = {_coded(thing, key): value for key, value in given.items() if value not in (None, "")}
    row = insert(org, thing, fields, hand)
    if at is not None:
        row |= {"CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at}
    return row


def _coded(thing: Thing, name: str) -> str:
    """People's states are codes: where an org has fields for these, they go there."""
    return f"{name}Code" if name.endswith("State") and f"{name}Code" in thing.fields else name


def _common(one: Person) -> dict[str, Any]:
    return {
        "FirstName": one.first, "LastName": one.last, "Email": one.email, "Phone": one.phone,
        "MobilePhone": one.mobile, "LeadSource": _SOURCE.get(one.source, one.source), "Description": one.note,
    }  # fmt: skip


def _lead(one: Person, rng: random.Random) -> dict[str, Any]:
    return {
        **_common(one), "Company": one.company or f"{one.last.strip()} Household", "Street": one.street,
        "City": one.city, "State": one.state, "PostalCode": one.zip, "Country": "United States",
        "Roof_Type__c": one.roof, "Insurance_Carrier__c": one.insurer,
        "Roof_Squares__c": rng.randrange(100, 600) / 10,
    }  # fmt: skip


def _contact(one: Person) -> dict[str, Any]:
    return {
        **_common(one), "MailingStreet": one.street, "MailingCity": one.city, "MailingState": one.state,
        "MailingPostalCode": one.zip, "MailingCountry": "United States",
    }  # fmt: skip


def _opportunity(org: Org, one: Person, stage: str, rng: random.Random) -> dict[str, Any]:
    now = org.now()
    loss = times.day_of(now - rng.randrange(5, 90) * times.DAY)
    insured = {"Insurance_Carrier__c": one.insurer, "Claim_Number__c": f"CLM-{rng.randrange(10**6, 10**7)}"}
    return {
        "Name": f"{one.first} {one.last} - {one.roof} roof".strip()[:120], "StageName": stage, "Amount": one.amount,
        "CloseDate": times.day_of(now + rng.randrange(5, 60) * times.DAY), "Roof_Type__c": one.roof,
        "Description": one.note, "Inspection__c": times.iso(now // 3600 * 3600 + rng.randrange(1, 14) * times.DAY),
        **({**insured, "Date_of_Loss__c": loss} if one.insurer else {}),
    }  # fmt: skip
