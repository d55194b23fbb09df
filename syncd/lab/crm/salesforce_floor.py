"""The fewest requests that a run takes at Salesforce.

For a run of so many seconds:

- a session, and the fields of each kind, once; users and queues, once each;
- a first reading: records of a kind by the largest page, 2,000, and the contact roles of 400 opportunities at once;
- polls: one request per feed, at the start and as often as the pair's interval fits into the time, and one more each
  for contact roles and leads that became contacts;
- contact roles that changed: their opportunities and all roles of these, two requests, in each poll whose overlap shows
  the change, because a transaction may end up to an overlap after its stamp;
- a poll after writes to opportunities: their roles, because what was read in the very second of a stamp may not be all
  of that second;
- a record to be made: a look-up by our key and one by its values (100 a request; those of people, with their phones and
  streets, are longer than an address may be), one list per 200, and one read of what became of them; of opportunities
  also their contact roles, a list per 200, and these once more with the reading;
- a change: one comparing read, one list, one read per 200; of opportunities the roles with each of the reads;
- contacts: the leads that they were, of 400 at once, with each reading of them.

What is not here: the rest of Salesforce on a stage (`salesforce`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any

from syncd.lab.crm.base import Asked

DATA = "/services/data/v66.0"
PAGE, RELATED_AT_ONCE, KEYS, LIST = 2000, 400, 100, 200
SHORT = 200
"""So many ids fit into an address; their roles or leads are asked for by a body."""

WORK, PERSON, ROLE, KEY = "Opportunity", "Contact", "OpportunityContactRole", "JobNimbus_Id__c"

_SECOND = timedelta(seconds=1)
_SINCE = re.compile(r"FROM (\w+) WHERE SystemModstamp >= ([\d:TZ-]+)")

Request = Mapping[str, Any]


def least(system: str, kinds: Sequence[str], asked: Asked) -> dict[str, int]:
    """By endpoint."""
    log = asked.remote.requests(asked.since)
    roles = [_moment(str(one["SystemModstamp"])) for one in asked.remote.records(ROLE)]
    again = sum(1 for at, since in _polls(log, ROLE) if any(since <= stamp <= at for stamp in roles))
    found: Counter[str] = Counter()
    found["POST /services/oauth2/token"] = 1
    found[f"GET {DATA}/query"] = 2 + again + _after_writes(log)
    found[f"GET {DATA}/queryAll"] = 2 * (1 + asked.ticks.polls) + again
    for kind in kinds:
        found.update(_of_kind(kind, asked, asked.done.made[system, kind], asked.done.changed[system, kind]))
    return {name: count for name, count in found.items() if count}


def _of_kind(kind: str, asked: Asked, made: int, changed: int) -> dict[str, int]:
    there, looks, lists = asked.found[kind], ceil(made / KEYS), ceil(made / LIST)
    writes = ceil(changed / LIST)
    least = {
        f"GET {DATA}/sobjects/{kind}/describe": 1,
        f"GET {DATA}/queryAll": 1 + asked.ticks.polls + looks + lists + 2 * writes,
        f"GET {DATA}/query": max(1, ceil(there / PAGE)),
        f"PATCH {DATA}/composite/sobjects/{kind}/{KEY}": lists,
        f"PATCH {DATA}/composite/sobjects": writes,
    }
    if kind in (WORK, PERSON):
        least[f"GET {DATA}/query"] += looks + lists + 2 * writes
        way = f"POST {DATA}/composite" if there > SHORT else f"GET {DATA}/query"
        least[way] = least.get(way, 0) + ceil(there / RELATED_AT_ONCE)
    if kind == WORK:
        return {**least, f"POST {DATA}/composite/sobjects": lists}
    return {**least, f"POST {DATA}/composite": least.get(f"POST {DATA}/composite", 0) + looks}


def _polls(log: Sequence[Request], kind: str) -> list[tuple[datetime, datetime]]:
    """When changes of a kind were asked for, and since when."""
    texts = ((one, _SINCE.search(str(dict(one["query"]).get("q", "")))) for one in log)
    return [(_moment(str(one["at"])), _moment(hit[2])) for one, hit in texts if hit is not None and hit[1] == kind]


def _after_writes(log: Sequence[Request]) -> int:
    """How many polls of opportunities came after some of them were written, or wrote themselves in that second."""
    written = [_moment(str(one["at"])) for one in log if one["write"] and WORK in f"{one['path']} {one['body']}"]
    polls = [at for at, _ in _polls(log, WORK)]
    return sum(any(last - _SECOND <= one <= at for one in written) for last, at in pairwise(polls))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
