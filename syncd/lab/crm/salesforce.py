"""Salesforce on the left side of a stage.

What is not here: what the lab asks of any CRM (`base`), and how its floor is reckoned (`salesforce_floor`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.config.values import duration
from syncd.kit.people import Person
from syncd.kit.remote import Remote
from syncd.lab.crm.base import Asked, Lack
from syncd.lab.crm.salesforce_floor import least

WORKED = "Working - Contacted"
"""The status at which the shipped map hands a lead over."""

_KINDS: Mapping[str, Mapping[str, Any]] = {
    "money": {"type": "currency", "precision": 18, "scale": 2},
    "number": {"type": "double", "precision": 18, "scale": 4},
    "date": {"type": "date"}, "datetime": {"type": "datetime"}, "bool": {"type": "boolean"},
}  # fmt: skip
"""What a custom field holds, by the converter that its rule names."""

_KEY = {"type": "string", "length": 64, "unique": True, "externalId": True}


class Salesforce:
    """See `base.Crm` for what each of these is."""

    name = "salesforce"
    secret = "secret"  # noqa: S105 - the name of the setting, not its value
    key = "sandbox-consumer-secret"
    kinds: tuple[str, ...] = ("Lead", "Contact", "Opportunity")
    maps: Mapping[str, str] = {
        "salesforce-jobnimbus/leads.yaml": "cf_string_1",
        "salesforce-jobnimbus/contacts.yaml": "cf_string_1",
        "salesforce-jobnimbus/opportunities-jobs.yaml": "cf_string_4",
    }
    own_settings: tuple[str, ...] = (
        *("secret", "my_domain", "auth", "client_id", "username", "audience", "token_file", "api_version"),
        *("overlap", "stop_at"),
    )
    hand = "dana.reyes@example.com"
    hooks = False
    # Whether Salesforce stamps contact roles that go and come back with their contact is not known. Where it does not,
    # no feed tells, and an opportunity's contact waits for the next audit: here that would be told as a difference.
    lags: Mapping[str, Any] = {"commit_delay": 0.5, "lock_share": 0.01, "cascade_stamps": True}
    own_acts = 0.01

    def switches(self, rate: str, searches: str | None) -> Mapping[str, Any]:
        """It takes any number of requests a second, and as many a day as a stage may need."""
        del rate, searches
        return {"daily": 10_000_000}

    def options(self, timing: Mapping[str, Any], searches: str | None) -> Mapping[str, Any]:
        """The app's key, and an overlap in proportion: a transaction here takes no ten minutes."""
        del searches
        return {"client_id": "sandbox-consumer-key", "overlap": int(duration(timing["overlap"]).total_seconds())}

    def prepare(self, remote: Remote) -> None:
        """Nothing: the org has the fields that the maps name, the unique one for our key among them."""

    def furnish(self, remote: Remote, lacks: Sequence[Lack]) -> None:
        """A custom field each: a list where the map names the values, else of its converter's kind, else a text."""
        for one in lacks:
            if one.name.endswith("__c"):
                there = {name for row in remote.records(one.kind)[:1] for name in row}
                if one.name not in there:
                    remote.act("field_create", one.kind, definition={"name": one.name, **_definition(one)})

    def seed(self, remote: Remote, leads: int, seed: int) -> dict[str, Any]:
        """One half are leads, worked on or not; the other contacts with an account and an opportunity each."""
        return remote.seed(leads=leads, seed=seed, messy=True, days=90, into="Both", worked=0.7)

    def make_lead(self, remote: Remote, number: str) -> None:
        """By turns a lead who is worked on, and a contact with an opportunity that is qualified."""
        person = {"FirstName": f"New{number}", "LastName": f"Lead{number}", "Email": f"lead{number}@example.com"}
        if int(number.rpartition("x")[2]) % 2:
            fields = {**person, "Company": f"Lead{number} Household", "Status": WORKED}
            remote.act("create", "Lead", fields=fields, as_=self.hand)
        else:
            self._enter(remote, person, {"Name": f"Deal {number}"}, self.hand)

    def new_lead(self, remote: Remote, person: Person, who: str) -> str:
        """A contact with an opportunity that is qualified."""
        fields = {
            "FirstName": person.first, "LastName": person.last, "Email": person.email, "Phone": person.phone,
            "MailingStreet": person.street, "MailingCity": person.city, "MailingState": person.state,
            "MailingPostalCode": person.zip,
        }  # fmt: skip
        work = {"Name": f"{person.name} - {person.roof} roof", "Amount": person.amount, "Roof_Type__c": person.roof}
        return self._enter(remote, fields, work, who)

    def ties(self, remote: Remote, kind: str) -> Mapping[str, Sequence[str]]:
        """By the contact roles of opportunities."""
        found: dict[str, list[str]] = {}
        for role in remote.records("OpportunityContactRole") if kind == "Opportunity" else ():
            if not role["IsDeleted"]:
                found.setdefault(str(role["OpportunityId"]), []).append(str(role["ContactId"]))
        return found

    def act(self, remote: Remote, kind: str, id: str) -> str | None:
        """A lead is converted: to a contact with an opportunity."""
        if kind != "Lead":
            return None
        remote.act("convert", "Lead", id=id, as_=self.hand)
        return "convert"

    def floor(self, asked: Asked) -> dict[str, int]:
        """As `salesforce_floor` says."""
        return least(self.name, self.kinds, asked)

    def _enter(self, remote: Remote, person: Mapping[str, Any], work: Mapping[str, Any], who: str) -> str:
        made = remote.act("create", "Contact", fields=person, as_=who)
        fields = {**work, "StageName": "Qualification", "CloseDate": "2030-06-30"}
        remote.act("create", "Opportunity", fields=fields, associate={"Contact": [made["id"]]}, as_=who)
        return str(made["id"])


SALESFORCE = Salesforce()


def _definition(lack: Lack) -> Mapping[str, Any]:
    if lack.rule is None:
        return _KEY
    values = lack.rule.get("values")
    if isinstance(values, Mapping):
        words = [word for one in values.values() for word in (one if isinstance(one, list) else [one])]
        names = dict.fromkeys(str(word) for word in (values if lack.side == "left" else words) if word is not None)
        return {"type": "picklist", "values": list(names)}
    convert = lack.rule.get("convert")
    name = next(iter(convert)) if isinstance(convert, Mapping) else str(convert)
    return _KINDS.get(str(name), {"type": "string", "length": 255})
