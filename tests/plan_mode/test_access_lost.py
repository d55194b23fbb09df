"""What a vendor hides all at once, over real HTTP: not one write, one state in plain words, and on by itself after it.

Access to most records, lists that answer with nothing, custom fields that are told no more, a kind that is forbidden,
and the first reading of an account in the middle of it. What is not here: each decision (`tests/engine`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from syncd.cli import main
from syncd.kit.sandbox import Sandbox
from tests.plan_mode.conftest import KINDS, Office, kept
from tests.plan_mode.watch import CUSTOM, DAY, HOUR, Watch, customers, twins, watching

MANY = 40
OPEN: Mapping[str, Mapping[str, Any]] = {
    "hubspot": {"empty": [], "custom_properties": "shown"},
    "jobnimbus": {"empty": [], "custom_fields_as": "both"},
}
"""The switches as they are when nothing is lost."""


@dataclass(frozen=True)
class Synced:
    """What forty leads are when they have been synced: both accounts, the store, and how far our clock was moved on."""

    accounts: Mapping[str, dict[str, Any]]
    store: bytes
    ahead: float


@pytest.fixture(scope="module")
def synced() -> list[Synced]:
    """What the first test has brought about, for the others."""
    return []


@pytest.fixture
def watch(office: Office, boxes: Mapping[str, Sandbox], synced: list[Synced]) -> Iterator[Watch]:
    """Forty leads with a deal each, linked with a customer and a job; requests are counted from here."""
    office.config('mode = "plan"', 'mode = "live"')
    office.config("[pairs.sales]", f'custom_fields = "{CUSTOM}"\n\n[pairs.sales]')
    hour = datetime.now(ZoneInfo("America/Chicago")).hour
    office.config("[timing]", f'[audit]\nnights = 1\nat = "{hour:02}:00"\n\n[timing]\nfresh = "1s"')
    store = office.folder / "syncd.db"
    if not synced:
        ahead = _sync(office)
        synced.append(Synced({name: kept(box) for name, box in boxes.items()}, store.read_bytes(), ahead))
    (done,) = synced
    for name, box in boxes.items():
        vars(box).update(kept(box, done.accounts[name]))
    store.write_bytes(done.store)
    with watching(office, [done.ahead]) as made:
        office.begin()
        yield made


def _sync(office: Office) -> float:
    """Bring it about; how far our clock was moved on for it."""
    customers(office, MANY)
    with watching(office) as made:
        made.rounds(4)
        assert len(twins(made, "contacts")) == len(twins(made, "work")) == MANY
        made.round(HOUR)
        made.round()
        assert made.paused() == {}
    return made.ahead[0]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What is lost at which system, and the sentence that says so. `later`: edits come after the lookout's turn.

    `custom`: meanwhile people edit only custom fields; others may travel until it is noticed.
    """

    system: str
    words: Sequence[str] = ()
    hide: Mapping[str, float] = field(default_factory=dict)
    switches: Mapping[str, Any] = field(default_factory=dict)
    key: Mapping[str, Any] | None = None
    later: bool = False
    custom: bool = False
    every: int = 11

    def begin(self, office: Office) -> set[str] | None:
        """Take it away; the ids that are hidden, None where it is not about single records."""
        vendor = office.vendors[self.system]
        if self.switches:
            vendor.settings(**self.switches)
        if self.key is not None:
            vendor.act(**self.key)
        hidden = [vendor.act("hide", kind, share=share)["ids"] for kind, share in self.hide.items()]
        return {id_ for ids in hidden for id_ in ids} if hidden else None

    def end(self, office: Office) -> None:
        """Give it back."""
        vendor = office.vendors[self.system]
        vendor.settings(**OPEN[self.system])
        vendor.act("show", "contacts")
        if self.key is not None:
            back = {"token": "sandbox-token"} if self.system == "hubspot" else {"profile": "full"}
            vendor.act("key" if self.system == "jobnimbus" else "token", **back)
        if self.custom:
            time.sleep(1.1)  # a schema is believed for a second


SCOPES = ["crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read",
          "crm.schemas.deals.read", "crm.objects.owners.read"]  # fmt: skip
"""What is left to a token that may no longer see deals."""

HIDDEN = {
    "hubspot contacts": Loss(system="hubspot", hide={"contacts": 0.9}),
    "hubspot contacts, in no batch": Loss(
        system="hubspot", hide={"contacts": 0.9}, switches={"hidden_read": 403, "hidden_in_batch": "omitted"}
    ),
    "hubspot deals, many edits": Loss(system="hubspot", hide={"deals": 0.9}, every=3),
    "jobnimbus contacts": Loss(system="jobnimbus", hide={"contacts": 0.9}),
    "jobnimbus contacts, 404": Loss(
        system="jobnimbus", hide={"contacts": 0.9}, switches={"hidden_get_status": 404}, every=3
    ),
    "jobnimbus jobs": Loss(system="jobnimbus", hide={"jobs": 0.9}),
    "half of hubspot contacts": Loss(system="hubspot", hide={"contacts": 0.5}),
    "half of hubspot deals, many edits": Loss(system="hubspot", hide={"deals": 0.5}, every=3),
    "half of jobnimbus contacts, many edits": Loss(system="jobnimbus", hide={"contacts": 0.5}, every=3),
    "half of jobnimbus jobs": Loss(system="jobnimbus", hide={"jobs": 0.5}),
}
"""Records hidden from our key; the sentence names the system, the kind, and what is probably missing."""

EMPTY = "answers the list of contacts with nothing, although there are some: it looks like a missing permission"
LOSSES = {
    **HIDDEN,
    "hubspot lists empty": Loss(
        system="hubspot", switches={"empty": ["lists", "searches"]}, words=[f"hubspot {EMPTY}"], later=True
    ),
    "jobnimbus lists empty": Loss(
        system="jobnimbus", switches={"empty": ["lists"]}, words=[f"jobnimbus {EMPTY}"], later=True
    ),
    "hubspot custom fields untold": Loss(
        system="hubspot", switches={"custom_properties": "untold"}, custom=True,
        words=["hubspot tells none of its custom fields of"],
    ),
    "hubspot custom fields gone": Loss(
        system="hubspot", switches={"custom_properties": "gone"}, custom=True,
        words=["hubspot tells none of its custom fields of"],
    ),
    "jobnimbus custom fields": Loss(
        system="jobnimbus", switches={"custom_fields_as": "none"}, custom=True,
        words=["jobnimbus tells none of its custom fields of jobs any more (cf_string_1, cf_string_2, cf_string_3)"],
    ),
    "hubspot deals forbidden": Loss(
        system="hubspot", key={"do": "token", "token": "sandbox-token", "scopes": SCOPES}, later=True,
        words=["HubSpot says the token lacks the scope crm.objects.deals.read"],
    ),
    "jobnimbus jobs forbidden": Loss(
        system="jobnimbus", key={"do": "key", "profile": "no-jobs"}, words=["The access profile of the JobNimbus API"],
        later=True,
    ),
}  # fmt: skip


LISTS, FIELDS = (
    ("hubspot lists empty", "jobnimbus lists empty"), ("hubspot custom fields gone", "jobnimbus custom fields"),
)  # fmt: skip
ALWAYS = ("hubspot contacts", "jobnimbus lists empty", *FIELDS)
"""What `make test` tries; all of it is a matter of minutes."""


def some(names: Iterable[str], *always: str) -> list[Any]:
    """Of these names those, and the others in the long run only."""
    return [name if name in always else pytest.param(name, marks=pytest.mark.long) for name in names]


def edits(
    watch: Watch, system: str, tag: str, only: set[str] | None = None, *, custom: bool = False, every: int = 4
) -> None:
    """People edit the twins of some records that `system` has (of these), on the other side; or only custom fields."""
    office = watch.office
    for kind, pairs in (("contacts", twins(watch, "contacts")), ("work", twins(watch, "work"))):
        for n, (left, right) in enumerate(sorted(pairs.items())):
            if n % every or (custom and kind == "contacts") or (only is not None and not only & {left, right}):
                continue
            if system == "jobnimbus":
                fields = {"city": f"Peoria {tag}"} if kind == "contacts" else {
                    **({} if custom else {"dealname": f"Roof {tag} {n}"}),
                    "roof_type": "Tile", "claim_number": f"{tag}{n}",
                }  # fmt: skip
                office.edit("hubspot", "contacts" if kind == "contacts" else "deals", left, **fields)
            else:
                fields = {"city": f"Peoria {tag}"} if kind == "contacts" else {
                    "Insurance Carrier": f"Mutual {tag} {n}", "Claim Number": f"{tag}{n}",
                }  # fmt: skip
                office.edit("jobnimbus", "contacts" if kind == "contacts" else "jobs", right, **fields)


def arrived(watch: Watch) -> None:
    """Both sides hold the same in the fields that people typed in."""
    records, wrong = watch.office.records(), []
    for left, right in twins(watch, "contacts").items():
        one, other = records[f"hubspot:contacts:{left}"]["properties"], records[f"jobnimbus:contacts:{right}"]
        wrong += (
            [(left, one.get("city"), other["city"])] if (one.get("city") or None) != (other["city"] or None) else []
        )
    for left, right in twins(watch, "work").items():
        one, other = records[f"hubspot:deals:{left}"]["properties"], records[f"jobnimbus:jobs:{right}"]
        for ours, theirs in (
            ("dealname", "name"),
            ("claim_number", "cf_string_1"),
            ("insurance_carrier", "cf_string_2"),
            ("roof_type", "cf_string_3"),
        ):
            if (one.get(ours) or None) != (other[theirs] or None):
                wrong.append((left, one.get(ours), other[theirs]))
    assert wrong == []


def census(office: Office) -> dict[str, int]:
    """How many records each kind has."""
    return {f"{system}:{kind}": len(office.vendors[system].records(kind)) for system, kinds in KINDS.items()
            for kind in kinds}  # fmt: skip


def sentence(watch: Watch, loss: Loss) -> None:
    """One system is paused, and what `status` says of it is in plain words."""
    paused = watch.paused()
    assert list(paused) == [loss.system], watch.told()
    said = paused[loss.system]
    assert all(words in said for words in loss.words), said
    for kind in loss.hide:
        words = (
            rf"{loss.system} does not show (\d+) of (\d+) {kind} that were there: it looks like a missing permission; "
        )
        found = re.fullmatch(words + r"nothing is written until that is mended.*", said)
        assert found is not None, said


@dataclass
class Before:
    """How it was before something was lost."""

    watch: Watch
    records: Mapping[str, int]
    links: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, watch: Watch) -> Before:
        """As it is now."""
        return cls(watch, census(watch.office), {kind: twins(watch, kind) for kind in ("contacts", "work")})

    def untouched(self) -> None:
        """Not one write was sent, and no link was closed."""
        assert [(one["method"], one["path"], one["body"]) for one in self.watch.office.writes()] == []
        assert {kind: twins(self.watch, kind) for kind in ("contacts", "work")} == self.links

    def whole(self) -> None:
        """All is linked as before, nothing was made twice, nothing waits for anybody, and every edit has arrived."""
        office = self.watch.office
        assert self.watch.paused() == {}, self.watch.told()
        assert (office.ask("parked"), office.ask("conflicts", "list")) == ([], [])
        assert {kind: twins(self.watch, kind) for kind in ("contacts", "work")} == self.links
        assert census(office) == self.records
        arrived(self.watch)


@pytest.mark.parametrize("name", some(LOSSES, *ALWAYS))
def test_what_is_lost_pauses_one_system_and_nothing_is_written(watch: Watch, name: str) -> None:
    """People edit the other side meanwhile, a day passes with its audit: no write, no link closed, one sentence."""
    loss, before = LOSSES[name], Before.of(watch)
    hidden = loss.begin(watch.office)
    if loss.later:
        watch.round(HOUR)
    edits(watch, loss.system, "a", hidden, custom=loss.custom, every=loss.every)
    watch.rounds(4)
    sentence(watch, loss)
    edits(watch, loss.system, "b")
    watch.rounds(2, HOUR)
    watch.round(DAY)
    watch.round()
    sentence(watch, loss)
    before.untouched()
    loss.end(watch.office)
    watch.rounds(4)
    watch.until_nothing_is_parked()
    before.whole()


def test_a_person_may_say_that_they_were_deleted(watch: Watch) -> None:
    """Half of the contacts were erased for good: paused until somebody says so; their twins stay, the others go on."""
    office, pairs = watch.office, twins(watch, "contacts")
    gone = sorted(pairs)[::2]
    for one in gone:
        office.vendors["hubspot"].act("gdpr_delete", id=one)
    watch.rounds(2, HOUR)
    assert "syncd answer hubspot:contacts deleted" in watch.paused()["hubspot"]
    office.begin()
    assert main(["answer", "hubspot:contacts", "deleted"]) == 0
    assert f"{MANY} linked records are looked at" in office.output.readouterr().out
    watch.rounds(5)
    assert watch.paused() == {}
    assert office.writes() == []
    assert twins(watch, "contacts") == {left: right for left, right in pairs.items() if left not in gone}
    assert main(["answer", "hubspot:contacts", "deleted"]) == 2
    assert "does not pause" in office.output.readouterr().err
    edits(watch, "hubspot", "a", set(pairs) - set(gone), every=3)
    watch.rounds(3)
    arrived(watch)


@pytest.mark.parametrize("name", some(["hubspot contacts", *FIELDS], "jobnimbus custom fields"))
def test_a_restart_in_the_middle_of_it_changes_nothing(watch: Watch, name: str) -> None:
    """The daemon is started anew while things are hidden: it pauses again, and goes on by itself when they are back."""
    loss, office, before = LOSSES[name], watch.office, Before.of(watch)
    hidden = loss.begin(office)
    with watching(office, watch.ahead) as second:
        edits(second, loss.system, "a", hidden, custom=loss.custom)
        second.rounds(2)
        second.round(HOUR)
        sentence(second, loss)
        before.untouched()
        loss.end(office)
        second.rounds(6)
    with watching(office, watch.ahead) as third:
        third.rounds(2)
        before.watch = third
        before.whole()


@pytest.mark.parametrize("name", some(["hubspot contacts", "jobnimbus jobs", *LISTS], "jobnimbus jobs"))
def test_a_loss_during_the_first_reading_makes_nothing_twice(watch: Watch, name: str) -> None:
    """The feed is read anew from its beginning while things are hidden: nothing is made again for what is not shown."""
    loss, before = LOSSES[name], Before.of(watch)
    with watch.app.store.begin() as tx:
        for system, kinds in KINDS.items():
            for kind in kinds:
                tx.feeds.reset(system, kind)
    loss.begin(watch.office)
    watch.round()
    edits(watch, loss.system, "a", every=3)
    watch.rounds(3)
    watch.rounds(2, HOUR)
    sentence(watch, loss)
    loss.end(watch.office)
    watch.rounds(5)
    watch.round(HOUR)
    watch.rounds(2)
    before.whole()
