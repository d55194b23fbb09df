"""A roofer's whole office with Salesforce: the app, both sandboxes, the shipped maps, people who type, and a ledger.

The ledger holds what people typed last for whom. `Roofers.whole` asks whether it stands, whether anybody is twice,
and whether idle polls are idle. What is not here: what happens to the office (`test_salesforce_scenes`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from syncd.kit.careful import Careful
from syncd.kit.people import people
from syncd.lab.causes import Causes
from syncd.lab.compare import compare
from syncd.lab.crm import SALESFORCE
from syncd.lab.crm.salesforce import WORKED
from syncd.lab.histories import Histories
from syncd.lab.settled import EVER
from syncd.lab.wire import alive, id_of
from syncd_salesforce.door import Door
from tests.plan_mode.conftest import Office
from tests.plan_mode.watch import HOUR, MINUTE, Watch

SF, JN = "salesforce", "jobnimbus"
HANDS: Mapping[str, str] = {SF: SALESFORCE.hand, JN: "sam.okafor@example.com"}
"""A person at each vendor."""

KINDS: Mapping[str, tuple[str, ...]] = {SF: ("Lead", "Contact", "Opportunity"), JN: ("contacts", "jobs")}
SWITCHES: Mapping[str, Mapping[str, Any]] = {SF: {"cascade_stamps": True}, JN: {"index_lag": 0.0}}
TYPED = {"Lead": "City", "Contact": "MailingCity", "Opportunity": "Insurance_Carrier__c",
         "contacts": "city", "jobs": "Insurance Carrier"}  # fmt: skip
"""Where people type, by kind; `READ`: under which name it stands."""
READ = {**TYPED, "jobs": "cf_string_2"}

CONFIG = """\
[syncd]
store = "sqlite:///syncd.db"

[log]
format = "json"
level = "error"

[systems.salesforce]
connector = "salesforce"
secret = {{env = "SALESFORCE_SECRET"}}
client_id = "sandbox-consumer-key"
base_url = "{salesforce}"
timezone = "America/Chicago"
rate = "1000/s"

[systems.jobnimbus]
connector = "jobnimbus"
api_key = {{env = "JOBNIMBUS_API_KEY"}}
base_url = "{jobnimbus}"
timezone = "America/Chicago"
rate = "1000/s"
custom_fields = "jobs.cf_string_1=Claim Number; jobs.cf_string_2=Insurance Carrier; jobs.cf_string_3=Roof Type"

[pairs.sales]
left = "salesforce"
right = "jobnimbus"
maps = [
  "salesforce-jobnimbus/leads.yaml",
  "salesforce-jobnimbus/contacts.yaml",
  "salesforce-jobnimbus/opportunities-jobs.yaml",
]
guard = {{creates = 9999, updates = 9999, percent = 100}}
mode = "live"

[audit]
nights = 0
"""
"""No audit comes to the help of a feed that misses something."""


def is_write(method: str, path: str) -> bool:
    """Whether a request to Salesforce changes records."""
    return method in ("PATCH", "DELETE") or (method == "POST" and "/sobjects" in path)


@dataclass
class Roofers:
    """The office. `typed`: ids and what a person typed there, in their order; `became`: whose id is another one now.

    `members`: rows that the account keeps about its own people.
    """

    watch: Watch
    patch: pytest.MonkeyPatch
    typed: list[tuple[str, str]] = field(default_factory=list)
    became: dict[str, str] = field(default_factory=dict)
    members: frozenset[str] = frozenset()

    @property
    def office(self) -> Office:
        """Vendors, verbs and the set-up's folder."""
        return self.watch.office

    def at(self, system: str) -> Any:
        """A vendor by the control protocol."""
        return self.office.vendors[system]

    # -- people

    def settle_in(self, leads: int, customers: int, seed: int = 7) -> None:
        """So many leads that are worked on, and contacts with an opportunity each, synced once."""
        self.members = self.members or frozenset(self.rows("contacts"))
        folks = people(leads + customers, seed, messy=False)
        rows = [{
            "FirstName": one.first, "LastName": one.last, "Company": f"{one.last} Household", "Email": one.email,
            "Phone": one.phone, "Street": one.street, "City": one.city, "State": one.state, "PostalCode": one.zip,
            "Status": WORKED,
        } for one in folks[:leads]]  # fmt: skip
        self.at(SF).acts("create", "Lead", [{"fields": row, "as_": HANDS[SF]} for row in rows])
        for one in folks[leads:]:
            SALESFORCE.new_lead(self.at(SF), one, HANDS[SF])
        # JobNimbus says nothing of a custom field that is blank, and what is unknown is not written over.
        if customers:
            self.at(SF).act("bulk_update", "Opportunity", fields={TYPED["Opportunity"]: "Prairie Mutual"})
        self.rest()
        found = [len(self.links(name)) for name in ("leads", "contacts", "opportunities-jobs")]
        assert not folks or found == [leads, customers, customers], self.watch.told()

    def types(self, kind: str, id: str, value: str, **more: Any) -> None:
        """A person types something into the field that both sides carry."""
        system = SF if kind in KINDS[SF] else JN
        self.at(system).act("update", kind, id=id, fields={TYPED[kind]: value}, as_=HANDS[system], **more)
        self.typed.append((id, value))

    # -- time

    def rest(self, seconds: float = MINUTE, limit: int = 40) -> None:
        """Rounds until all is read and nothing is due, now or later."""
        for n in range(limit):
            self.watch.round(seconds)
            with self.watch.app.store.read() as tx:
                due = any(tx.marks.any_due(key, EVER) for key in self.watch.app.world.maps)
            if n >= 2 and not due:
                return
        raise AssertionError(self.watch.told())

    @contextmanager
    def before_write(self, do: Callable[[], object]) -> Iterator[None]:
        """Something happens between what was planned and each list of writes to either vendor, or to one."""
        inner = Careful.write

        def write(careful: Careful, kind: str, operations: Any) -> Any:
            do()
            return inner(careful, kind, operations)

        with self.patch.context() as patched:
            patched.setattr(Careful, "write", write)
            yield

    @contextmanager
    def before(self, what: Callable[[str, str], bool], do: Callable[[], object]) -> Iterator[list[str]]:
        """Something happens just before each request to Salesforce that is of this method and path; which they were."""
        asked: list[str] = []
        inner = Door.request

        def request(door: Door, method: str, path: str, **more: Any) -> Any:
            if what(method, path):
                asked.append(f"{method} {path}")
                do()
            return inner(door, method, path, **more)

        with self.patch.context() as patched:
            patched.setattr(Door, "request", request)
            yield asked

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """How often Salesforce answers that it has written each known record, meanwhile."""
        found: Counter[str] = Counter()
        inner = Door._sent

        def sent(door: Door, session: Any, method: str, path: str, params: Any, json: Any, *more: Any) -> Any:
            answer = inner(door, session, method, path, params, json, *more)
            if is_write(method, path):
                rows = json.get("records") or [{"id": path.rpartition("/")[2]}]
                told = answer.body or [{"success": True}]
                found.update(row["id"] for row, one in zip(rows, told, strict=True) if one["success"])
            return answer

        with self.patch.context() as patched:
            patched.setattr(Door, "_sent", sent)
            yield found

    # -- what is there

    def rows(self, kind: str, *, gone: bool = False) -> dict[str, dict[str, Any]]:
        """The living records of a kind by id; with `gone` the others, too."""
        system = SF if kind in KINDS[SF] else JN
        return {id_of(row): row for row in self.at(system).records(kind) if gone or alive(row)}

    def links(self, name: str) -> dict[str, str]:
        """The right id of every left id that a map links."""
        found: dict[str, str] = {}
        with self.watch.app.store.read() as tx:
            after = 0
            while page := tx.links.all(f"sales/{name}", after=after):
                found |= {link.left_id: link.right_id for link in page}
                after = page[-1].id
        return found

    def pairs(self) -> list[tuple[str, str, str, str]]:
        """Every open link: both kinds and ids."""
        kinds = {"leads": ("Lead", "contacts"), "contacts": ("Contact", "contacts"),
                 "opportunities-jobs": ("Opportunity", "jobs")}  # fmt: skip
        return [(*of, *ids) for name, of in kinds.items() for ids in self.links(name).items()]

    def counts(self) -> dict[str, int]:
        """How many living records each kind has; the account's own members are none."""
        return {kind: len(self.rows(kind).keys() - self.members) for kinds in KINDS.values() for kind in kinds}

    # -- the end of every scene

    def whole(self, counts: Mapping[str, int], listed: int = 0) -> None:
        """Nothing lost, nothing twice, idle is idle: so many living records of each kind, and `listed` values.

        The comparison is the lab's: every link, whoever has no twin, and whatever was made without a link.
        """
        self.stands(listed)
        assert self.counts() == counts, self.counts()
        found = compare(self.watch.app.world, self.office.vendors, self.watch.app.connectors)
        assert (found.differences, found.duplicates, found.missing) == ([], [], []), found
        causes = Causes(self.watch.app.world, Histories(self.office.vendors))
        assert causes.check() == [], causes.breaches
        self.office.begin()
        self.watch.rounds(3)
        self.watch.round(HOUR)
        self.watch.round()
        idle = [(one["method"], one["path"], one["body"]) for one in self.office.writes()]
        assert idle == [], idle

    def stands(self, listed: int) -> None:
        """What was typed last for each person stands on both sides, or on the list of conflicts."""
        rows = {kind: self.rows(kind) for kinds in KINDS.values() for kind in kinds}
        conflicts = self.office.ask("conflicts", "list")
        last: dict[tuple[str, str, str, str], str] = {}
        pairs = self.pairs()
        for id_, value in self.typed:
            now = self.became.get(id_, id_)
            last[next(pair for pair in pairs if now in pair[2:])] = value
        wrong = []
        for (kind, other, left, right), value in last.items():
            seen = [rows[kind][left].get(READ[kind]), rows[other][right].get(READ[other])]
            told = [row for row in conflicts if left in str(row) and value in str(row)]
            if seen != [value, value] and not told:
                wrong.append((left, right, value, seen))
        assert wrong == [], wrong
        assert len(conflicts) == listed, conflicts
