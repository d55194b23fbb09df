"""HubSpot on the left side of a stage.

How its floor is reckoned:

- a first reading: records of a kind by the size of the vendor's largest page;
- polls: one request per feed, as often as the pair's interval fits into the time; also the settled lane and the list of
  archived records, as often as their intervals fit, and a further page of a poll wherever the log shows that one went
  on beyond its first page, which only a full page makes it do;
- a record to be made: a look-up by our key among living and archived records (100 a request), by e-mail (100), and by
  what only the search knows: the phones and streets of some forty people fill its 3,000 characters, as do a hundred
  deals' names; then one batch create per 100;
- a change: one comparing read and one batch update per 100;
- a record written: one read per 100 when it comes by in the feed, because the vendor touches records again by itself,
  and because what it answered to a write says nothing of the rest of that clock tick;
- a deal read: its contacts, which are a request of their own per 100;
- fields, people, pipelines: each list once.

What is not here: what the lab asks of any CRM (`base`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import httpx

from syncd.kit.people import Person
from syncd.kit.remote import Remote
from syncd.lab.crm.base import Asked, Lack

BATCH, PAGE, SEARCHED = 100, 100, 40
OK = 200

_MODIFIED = ("lastmodifieddate", "hs_lastmodifieddate")
_GROUPS = {"contacts": "contactinformation", "deals": "dealinformation"}
_KINDS: Mapping[str, tuple[str, str]] = {
    "money": ("number", "number"), "number": ("number", "number"), "date": ("date", "date"),
    "datetime": ("datetime", "date"), "bool": ("bool", "booleancheckbox"),
}  # fmt: skip
"""What a property holds, by the converter that its rule names."""


class HubSpot:
    """See `base.Crm` for what each of these is."""

    name = "hubspot"
    secret = "token"  # noqa: S105 - the name of the setting, not its value
    key = "sandbox-token"
    kinds: tuple[str, ...] = ("contacts", "deals")
    maps: Mapping[str, str] = {
        "hubspot-jobnimbus/contacts.yaml": "cf_string_1",
        "hubspot-jobnimbus/deals-jobs.yaml": "cf_string_4",
    }
    own_settings: tuple[str, ...] = ("token", "search_rate")
    hand = "Dana Reyes"
    hooks = True
    lags: Mapping[str, Any] = {"index_lag": {"kind": "normal", "scale": 0.02}}
    own_acts = 0.0

    def switches(self, rate: str, searches: str | None) -> Mapping[str, Any]:
        """Indexes lag, as the vendor's do, in proportion."""
        slow = {"search_rate": searches} if searches is not None else {}
        return {"index_lag": {"kind": "normal", "scale": 0.05}, "rate": rate, **slow}

    def options(self, timing: Mapping[str, Any], searches: str | None) -> Mapping[str, Any]:
        """The rate of its searches."""
        del timing
        return {"search_rate": searches} if searches is not None else {}

    def prepare(self, remote: Remote) -> None:
        """Make the unique property for our key."""
        with self._api(remote) as http:
            for kind, group in _GROUPS.items():
                made = http.post(
                    f"/crm/properties/2026-03/{kind}",
                    json={
                        "name": "syncd_id", "label": "Syncd ID", "type": "string", "fieldType": "text",
                        "groupName": group, "hasUniqueValue": True,
                    },
                )  # fmt: skip
                made.raise_for_status()

    def furnish(self, remote: Remote, lacks: Sequence[Lack]) -> None:
        """A property each: a list where the map names the values, else of the kind its converter wants, else a text."""
        with self._api(remote) as http:
            for one in lacks:
                path = f"/crm/properties/2026-03/{one.kind}"
                if one.kind in _GROUPS and http.get(f"{path}/{one.name}").status_code == httpx.codes.NOT_FOUND:
                    base = {"name": one.name, "label": one.name, "groupName": _GROUPS[one.kind]}
                    http.post(path, json={**base, **_definition(one)})

    def seed(self, remote: Remote, leads: int, seed: int) -> dict[str, Any]:
        """Contacts with a deal each."""
        return remote.seed(leads=leads, seed=seed, messy=True, days=90)

    def make_lead(self, remote: Remote, number: str) -> None:
        """A contact who became a lead, with a deal that is qualified."""
        lead = {"firstname": f"New{number}", "lastname": f"Lead{number}", "email": f"lead{number}@example.com"}
        self._enter(remote, lead, {"dealname": f"Deal {number}"}, self.hand)

    def new_lead(self, remote: Remote, person: Person, who: str) -> str:
        """A contact who became a lead, with a deal that is qualified."""
        fields = {
            "firstname": person.first, "lastname": person.last, "email": person.email, "phone": person.phone,
            "address": person.street, "city": person.city, "state": person.state, "zip": person.zip,
        }  # fmt: skip
        deal = {"dealname": f"{person.name} - {person.roof} roof", "amount": str(person.amount)}
        return self._enter(remote, fields, {**deal, "roof_type": person.roof}, who)

    def ties(self, remote: Remote, kind: str) -> Mapping[str, Sequence[str]]:
        """None: each record tells its own."""
        del remote, kind
        return {}

    def act(self, remote: Remote, kind: str, id: str) -> str | None:
        """Nothing."""
        del remote, kind, id
        return None

    def floor(self, asked: Asked) -> dict[str, int]:
        """As the module says."""
        least: Counter[str] = Counter()
        least["GET /crm/pipelines/2026-03/deals"] = 1
        least["GET /crm/owners/2026-03"] = 2  # the active, and those who left
        requests = asked.remote.requests(asked.since)
        for kind in self.kinds:
            least.update(self._of_kind(kind, asked, requests))
        return {name: count for name, count in least.items() if count}

    def _of_kind(self, kind: str, asked: Asked, requests: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        place, path = (self.name, kind), f"/crm/objects/2026-03/{kind}"
        done, ticks = asked.done, asked.ticks
        made, changed = batches(done.made[place]), batches(done.changed[place])
        read = batches(done.made[place] + done.changed[place])
        further = sum(1 for one in requests if _goes_on(one, f"{path}/search"))
        looked = ceil(done.made[place] / SEARCHED) if kind == "contacts" else made
        least = {
            f"GET /crm/properties/2026-03/{kind}": 1,
            f"GET {path}": max(1, ceil(asked.found[kind] / PAGE)) + ticks.bin,
            f"POST {path}/search": ticks.polls + ticks.settled + looked + further,
            f"POST {path}/batch/read": made * (3 if kind == "contacts" else 2) + changed + read,
            f"POST {path}/batch/create": made,
            f"POST {path}/batch/update": changed,
        }
        return least | ({"POST /crm/associations/2026-03/deals/contacts/batch/read": read} if kind == "deals" else {})

    def _api(self, remote: Remote) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=remote.url, trust_env=False, headers=headers)

    def _enter(self, remote: Remote, person: Mapping[str, Any], work: Mapping[str, Any], who: str) -> str:
        made = remote.act("create", "contacts", fields={**person, "lifecyclestage": "lead"}, as_=who)
        deal = {**work, "pipeline": "default", "dealstage": "qualifiedtobuy"}
        remote.act("create", "deals", fields=deal, associate={"contacts": [made["id"]]}, as_=who)
        return str(made["id"])


HUBSPOT = HubSpot()


def batches(records: int) -> int:
    """The fewest requests for so many records."""
    return ceil(records / BATCH)


def _goes_on(request: Mapping[str, Any], path: str) -> bool:
    """Whether a search is a poll that goes on behind the last id of a full page."""
    if request["path"] != path or not isinstance(request["body"], Mapping) or request["status"] != OK:
        return False
    filters = [one for group in request["body"].get("filterGroups", ()) for one in group.get("filters", ())]
    beyond = [one for one in filters if one["propertyName"] == "hs_object_id" and one.get("operator") == "GT"]
    polled = any(one["propertyName"] in _MODIFIED for one in filters)
    return polled and any(str(one["value"]) not in ("0", "-1") for one in beyond)


def _definition(lack: Lack) -> dict[str, Any]:
    if lack.rule is None:
        return {"type": "string", "fieldType": "text", "hasUniqueValue": True}
    values = lack.rule.get("values")
    if isinstance(values, Mapping):
        return {"type": "enumeration", "fieldType": "select", "options": _options(values, lack.side)}
    convert = lack.rule.get("convert")
    name = next(iter(convert)) if isinstance(convert, Mapping) else str(convert)
    type_, field = _KINDS.get(str(name), ("string", "text"))
    return {"type": type_, "fieldType": field}


def _options(values: Mapping[Any, Any], side: str) -> list[dict[str, Any]]:
    """The left words of a map's `values` stand before the colon, the right ones behind it."""
    words = [word for one in values.values() for word in (one if isinstance(one, list) else [one])]
    names = list(dict.fromkeys(str(word) for word in (values if side == "left" else words) if word is not None))
    return [{"label": name, "value": name, "displayOrder": at} for at, name in enumerate(names)]
