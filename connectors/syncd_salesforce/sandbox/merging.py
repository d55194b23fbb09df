"""What makes one record of several: merging two, and converting a lead.

What is not here: the acts that ask for it (`acts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from syncd.kit.sandbox import ControlError
from syncd_salesforce.sandbox import persons, times
from syncd_salesforce.sandbox.derived import derive
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.standard import CONVERSION
from syncd_salesforce.sandbox.store import Hand, Row
from syncd_salesforce.sandbox.writes import alive, insert, stamp


def merge(org: Org, thing: Thing, winner: str, loser: str, hand: Hand) -> None:
    """The loser goes into the bin with MasterRecordId, its children to the winner, blanks of the winner are filled."""
    if thing.name not in ("Lead", "Contact", "Account") or winner == loser:
        raise ControlError(f"{thing.name} {loser} cannot be merged into {winner}")
    won, lost = alive(org, thing, winner), alive(org, thing, loser)
    if won.get("IsConverted") or lost.get("IsConverted"):
        raise ControlError(f"{winner} or {loser} is converted, and a converted lead changes no more", 409)
    persons.mergeable(won, lost)
    if persons.is_person(won):
        _merged(org, org.schema.things["Contact"], won[persons.LINK], lost[persons.LINK], hand)
    row = _merged(org, thing, winner, loser, hand)
    if persons.is_person(won):
        org.store.put("Contact", persons.shadow(org, row))


def _merged(org: Org, thing: Thing, winner: str, loser: str, hand: Hand) -> Row:
    won, lost, now = alive(org, thing, winner), alive(org, thing, loser), org.now()
    fills = {
        each.name: lost[each.name]
        for each in thing.fields.values()
        if each.updateable and not each.unique and won.get(each.name) is None and lost.get(each.name) is not None
        and each.type != "address"
    }  # fmt: skip
    row = {**won, **fills, "_merged": (*won.get("_merged", ()), loser)}
    stamp(row, hand, now)
    derive(org, thing, row, fills, won)
    gone = {**lost, "IsDeleted": True, "MasterRecordId": winner, "_deleted": now}
    stamp(gone, hand, now)
    org.store.put(thing.name, row)
    org.store.put(thing.name, gone)
    for child, link in org.schema.children(thing.name):
        if link.name in ("MasterRecordId", persons.LINK):
            continue
        for one in [each for each in org.store.all(child.name) if each.get(link.name) == loser]:
            more = {"SystemModstamp": now} if org.settings["cascade_stamps"] else {}
            org.store.put(child.name, {**one, link.name: winner, **more})
    return row


@dataclass(slots=True, kw_only=True)
class Conversion:
    """What a person chose when they converted a lead: existing records to join, or names for new ones."""

    account: str | None = None
    contact: str | None = None
    opportunity: bool = True
    opportunity_name: str | None = None
    status: str = "Closed - Converted"


def convert(org: Org, id: str, wish: Conversion, hand: Hand) -> dict[str, Any]:
    """Account, contact and opportunity of a lead, with its activities; the lead is no longer written afterwards."""
    thing = org.schema.things["Lead"]
    lead = alive(org, thing, id)
    if lead["IsConverted"]:
        raise ControlError(f"{id} is converted already", 409)
    account = wish.account or _made(org, "Account", lead, hand, **persons.of_lead(org, lead))["Id"]
    behind = (org.store.get("Account", account) or {}).get(persons.LINK)
    contact = wish.contact or behind or _made(org, "Contact", lead, hand, AccountId=account)["Id"]
    deal = None
    if wish.opportunity:
        deal = _opportunity(org, lead, wish, account, hand)
        role = {"OpportunityId": deal, "ContactId": contact, "IsPrimary": True}
        insert(org, org.schema.things["OpportunityContactRole"], role, hand)
    now = org.now()
    row = {**lead, "IsConverted": True, "ConvertedDate": times.day_of(now), "Status": wish.status}
    row |= {"ConvertedAccountId": account, "ConvertedContactId": contact, "ConvertedOpportunityId": deal}
    stamp(row, hand, now)
    org.store.put("Lead", row)
    for kind in ("Task", "Event"):
        for one in [each for each in org.store.all(kind) if each.get("WhoId") == id]:
            org.store.put(kind, {**one, "WhoId": contact, "WhatId": deal, "SystemModstamp": now})
    for note in [each for each in org.store.all("Note") if each.get("ParentId") == id]:
        org.store.put("Note", {**note, "ParentId": contact, "SystemModstamp": now})
    return {"account": account, "contact": contact, "opportunity": deal}


def _opportunity(org: Org, lead: Row, wish: Conversion, account: str, hand: Hand) -> str:
    more = {
        "Name": wish.opportunity_name or f"{lead['Company'] or lead['Name']}-",
        "AccountId": account,
        "StageName": "Prospecting",
        "CloseDate": times.day_of(org.now() + 30 * times.DAY),
    }
    return str(_made(org, "Opportunity", lead, hand, **more)["Id"])


def _made(org: Org, name: str, lead: Row, hand: Hand, **more: Any) -> Row:
    thing = org.schema.things[name]
    owner = lead["OwnerId"] if str(lead["OwnerId"]).startswith("005") else hand.user
    copied = {target: lead.get(source) for source, target in CONVERSION[name].items() if target in thing.fields}
    given = {key: value for key, value in {**copied, "OwnerId": owner, **more}.items() if value is not None}
    # A field that both hold as a moment is stored as seconds and must not be read as a text again.
    texts = {
        key: times.wire(value) if thing.fields[key].type == "datetime" and isinstance(value, int) else value
        for key, value in given.items()
    }
    return insert(org, thing, texts, hand)
