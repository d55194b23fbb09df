"""Scenes of an office that syncs Salesforce with JobNimbus by the shipped maps, whole: app, store, engine, real HTTP.

Every scene ends with the same question (`Roofers.whole`): nothing lost, nothing twice, idle is idle.
What is not here: each decision (`tests/engine`), the connector alone (`tests/connectors`), kills (`tests/e2e`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncd.cli import main
from syncd.kit import registry
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer
from syncd.lab.crm.salesforce import WORKED
from syncd_salesforce.sandbox.gate import SANDBOX_TOKEN
from tests.plan_mode.conftest import Office
from tests.plan_mode.roofers import CONFIG, HANDS, JN, SF, SWITCHES, Roofers, is_write
from tests.plan_mode.watch import HOUR, MINUTE, watching

OVERLAP = 600.0
"""Seconds: the connector's default, and as long as Salesforce lets a transaction take."""


@pytest.fixture(scope="module")
def vendors() -> Iterator[Mapping[str, Remote]]:
    """Both sandboxes, served once for all scenes."""
    with (
        SandboxServer(registry.sandbox(SF)()) as left,
        SandboxServer(registry.sandbox(JN)()) as right,
        closing(Remote(left.url)) as salesforce,
        closing(Remote(right.url)) as jobnimbus,
    ):
        yield {SF: salesforce, JN: jobnimbus}


@pytest.fixture
def roofers(
    vendors: Mapping[str, Remote],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Roofers]:
    """Two empty accounts, and the set-up of a careful admin over them."""
    for name, vendor in vendors.items():
        vendor.reset(settings=SWITCHES[name])
    (tmp_path / "config.toml").write_text(CONFIG.format(**{n: v.url for n, v in vendors.items()}), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SYNCD_CONFIG", raising=False)
    monkeypatch.setenv("SALESFORCE_SECRET", "sandbox-consumer-secret")
    monkeypatch.setenv("JOBNIMBUS_API_KEY", "sandboxkey0000001")
    with watching(Office(tmp_path, vendors, capsys)) as watch:
        yield Roofers(watch, monkeypatch)


def people(leads: int, customers: int, **more: int) -> dict[str, int]:
    """How many records that many people have on both sides, with their opportunities and jobs; and some more."""
    found = {"Lead": leads, "Contact": customers, "Opportunity": customers, "contacts": leads + customers,
             "jobs": customers}  # fmt: skip
    return {kind: count + more.get(kind, 0) for kind, count in found.items()}


def test_what_is_committed_as_late_as_the_overlap_is_not_missed(roofers: Roofers) -> None:
    """Rows that appear up to ten minutes after their stamp, behind cursors that others moved on, cross all the same."""
    roofers.settle_in(8, 8)
    roofers.watch.round()  # so that nobody types in the very second of a write of ours: see the next scene
    sf, lates = roofers.at(SF), (100, 290, 430, 560, 590, 600)
    began = sf.clock()["seconds"]
    for name, kind in (("leads", "Lead"), ("contacts", "Contact"), ("opportunities-jobs", "Opportunity")):
        for late, left in zip(lates, sorted(roofers.links(name)), strict=False):
            sf.settings(commit_delay=late)
            roofers.types(kind, left, f"Late {late}")
    fields = {"LastName": "Newman", "Company": "Newman home", "Email": "newman@example.com", "Status": WORKED}
    sf.act("create", "Lead", fields=fields)
    sf.settings(commit_delay=0)
    other = max(roofers.links("leads"))
    for n in range(8):
        roofers.types("Lead", other, f"Meanwhile {n}")
        roofers.watch.round()
    sf.clock(freeze=True)
    roofers.watch.round(began + 598 - sf.clock()["seconds"])
    assert sf.clock()["seconds"] < began + 600
    assert roofers.counts()["contacts"] == 16
    sf.clock(thaw=True)
    roofers.rest()
    roofers.whole(people(9, 8))


def test_a_late_commit_of_the_second_in_which_we_wrote_is_not_missed(roofers: Roofers) -> None:
    """A person saves in the very second of our write, and the transaction ends minutes later: the stamp is the same."""
    roofers.settle_in(4, 0)
    sf, (lead, twin) = roofers.at(SF), next(iter(roofers.links("leads").items()))
    sf.clock(freeze=True)
    roofers.types("contacts", twin, "Ours")
    roofers.watch.round()
    assert roofers.rows("Lead")[lead]["City"] == "Ours"
    roofers.types("Lead", lead, "Theirs", commit_after=300)
    roofers.rest()
    roofers.watch.rounds(5)
    roofers.whole(people(4, 0))


@pytest.mark.parametrize("linked", [125, pytest.param(2500, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_thousands_of_rows_of_one_second_all_cross(roofers: Roofers, linked: int) -> None:
    """One save of 2,500 leads, every twentieth linked (or all), comes through pages of 137 rows of that second."""
    many, sf = 2500, roofers.at(SF)
    rows = [{
        "LastName": f"Lead{n}", "Company": f"Home {n}", "Email": f"lead{n}@example.com",
        **({"Status": WORKED} if n % (many // linked) == 0 else {}),
    } for n in range(many)]  # fmt: skip
    sf.acts("create", "Lead", [{"fields": row} for row in rows])
    roofers.settle_in(0, 0)
    twins = roofers.links("leads")
    assert len(twins) == linked
    roofers.watch.round(OVERLAP)
    sf.settings(page_cut=137, unordered="shuffled")
    sf.clock(freeze=True)
    sf.act("bulk_update", "Lead", fields={"City": "Peoria"})
    sf.clock(thaw=True)
    assert len({row["SystemModstamp"] for row in roofers.rows("Lead").values()}) == 1
    roofers.typed += [(lead, "Peoria") for lead in twins]
    roofers.rest()
    sf.settings(page_cut=None)
    roofers.watch.round(OVERLAP)
    roofers.whole({**people(linked, 0), "Lead": many})


def free(roofers: Roofers, kind: str, n: int) -> str:
    """Somebody in Salesforce who is not handed over."""
    who = {"FirstName": "Quentin", "LastName": f"Loose{n}", "Email": f"loose{n}@example.com"}
    more = {"Company": f"Loose{n} home"} if kind == "Lead" else {}
    return str(roofers.at(SF).act("create", kind, fields={**who, **more})["id"])


@pytest.mark.parametrize(("kind", "name"), [("Lead", "leads"), ("Contact", "contacts")])
def test_a_merge_moves_a_link_and_of_two_links_makes_a_question(roofers: Roofers, kind: str, name: str) -> None:
    """Whoever is left has the twin; where both had one, a person is asked, and meanwhile nothing is written."""
    roofers.settle_in(6, 6)
    sf, (one, two, three, four, *_) = roofers.at(SF), sorted(roofers.links(name))
    twins = roofers.links(name)
    stranger, other = free(roofers, kind, 1), free(roofers, kind, 2)
    roofers.rest()
    roofers.types(kind, one, "Typed before")
    sf.act("merge", kind, id=one, into=stranger)
    roofers.became[one] = stranger
    sf.act("merge", kind, id=other, into=two)
    roofers.rest()
    roofers.types("contacts", twins[one], "Typed after")
    roofers.types(kind, two, "Typed too")
    roofers.rest()
    assert roofers.links(name) == {**{k: v for k, v in twins.items() if k != one}, stranger: twins[one]}
    roofers.office.begin()
    sf.act("merge", kind, id=three, into=four)
    roofers.rest()
    (asked,) = roofers.office.ask("parked")
    assert three in asked["reason"] and four in asked["ref"] + asked["reason"], asked
    written = [(one["path"].split("/")[-2], one["body"]) for one in roofers.office.writes()]
    moved = [("jobs", {"primary": {"id": twins[four]}})] if kind == "Contact" else []
    # Salesforce itself moved the loser's role in an opportunity: only that job goes to the survivor's twin.
    assert written == moved, written
    assert roofers.links(name)[three] == twins[three] and roofers.links(name)[four] == twins[four]
    roofers.whole(people(6, 6, **{kind: -1}))


def test_whoever_syncd_made_may_be_merged_into_another(roofers: Roofers) -> None:
    """A contact that came from JobNimbus is merged away: its twin is the survivor's, and nothing is made once more."""
    roofers.settle_in(2, 2)
    stranger = free(roofers, "Contact", 1)
    roofers.rest()
    who = {"first_name": "Cora", "last_name": "Newcomer", "email": "cora@example.com", "record_type_name": "Customer",
           "status_name": "Active"}  # fmt: skip
    twin = roofers.at(JN).act("create", "contacts", fields=who, as_=HANDS[JN])["id"]
    roofers.rest()
    made = next(left for left, right in roofers.links("contacts").items() if right == twin)
    roofers.at(SF).act("merge", "Contact", id=made, into=stranger)
    roofers.rest()
    roofers.types("Contact", stranger, "Typed after")
    roofers.rest()
    assert roofers.links("contacts")[stranger] == twin
    roofers.whole(people(2, 2, Contact=1, contacts=1))


def test_deleted_records_leave_their_twins_and_nothing_is_made_anew(roofers: Roofers) -> None:
    """Gone without a trace or into the bin: the link is closed and told, the twin stays, and who comes back goes on."""
    roofers.settle_in(6, 6)
    sf, kinds = roofers.at(SF), {"leads": "Lead", "opportunities-jobs": "Opportunity", "contacts": "Contact"}
    before = {name: roofers.links(name) for name in kinds}
    erased = {kinds[name]: min(links) for name, links in before.items()}
    binned = {kinds[name]: sorted(links)[1] for name, links in before.items()}
    roofers.office.begin()
    for kind in kinds.values():
        sf.act("delete", kind, id=erased[kind])
        sf.act("archive", kind, id=binned[kind])
    roofers.rest()
    roofers.rest(HOUR)
    gone = {*erased.values(), *binned.values()}
    for name, links in before.items():
        assert roofers.links(name) == {left: right for left, right in links.items() if left not in gone}, name
    assert roofers.office.writes() == []
    told = roofers.office.ask("parked")
    assert len(told) == len(gone) and all(any(one in row["ref"] for one in gone) for row in told), told
    for right in (before["leads"][erased["Lead"]], before["leads"][binned["Lead"]]):
        roofers.at(JN).act("update", "contacts", id=right, fields={"city": "Meanwhile"})
    roofers.rest()
    roofers.whole({"Lead": 4, "Contact": 4, "Opportunity": 4, "contacts": 12, "jobs": 6})
    for kind in ("Lead", "Contact", "Opportunity"):
        sf.act("restore", kind, id=binned[kind])
    roofers.typed.append((binned["Lead"], "Meanwhile"))
    roofers.rest()
    roofers.types("Contact", binned["Contact"], "Here again")
    roofers.types("Opportunity", binned["Opportunity"], "Here again")
    roofers.rest()
    roofers.whole({"Lead": 5, "Contact": 5, "Opportunity": 5, "contacts": 12, "jobs": 6})


def test_a_field_that_is_shown_again_goes_on_with_the_first_retry(roofers: Roofers) -> None:
    """Hidden, it stops its own edits; shown again, one `retry` is enough, whatever was remembered of the fields."""
    roofers.settle_in(0, 3)
    (contact, twin), *_ = sorted(roofers.links("contacts").items())
    roofers.at(SF).act("field_hide", "Contact", name="MailingCity")
    roofers.types("contacts", twin, "Typed while hidden")
    roofers.watch.rounds(4)
    waits = [row["ref"] for row in roofers.office.ask("parked") if "MailingCity" in row["reason"]]
    assert any(contact in ref or twin in ref for ref in waits), roofers.watch.told()
    roofers.at(SF).act("field_show", "Contact", name="MailingCity")
    assert main(["retry"]) == 0
    roofers.office.output.readouterr()
    roofers.watch.round()
    assert roofers.rows("Contact")[contact]["MailingCity"] == "Typed while hidden"
    roofers.rest()
    roofers.whole(people(0, 3))


def test_a_hidden_field_stops_what_is_about_it_alone_after_a_restart_too(roofers: Roofers) -> None:
    """A process that starts while it is hidden knows it from before: all else is synced, and it goes on when shown."""
    roofers.settle_in(0, 3)
    (contact, twin), (other, across), *_ = sorted(roofers.links("contacts").items())
    roofers.at(SF).act("field_hide", "Contact", name="MailingCity")
    roofers.types("contacts", twin, "Typed while hidden")
    roofers.at(JN).act("update", "contacts", id=across, fields={"last_name": "Newlywed"}, as_=HANDS[JN])
    roofers.watch.pass_time(MINUTE)
    assert main(["once"]) == 1
    roofers.watch.pass_time(MINUTE)
    assert main(["once"]) in (0, 1)
    roofers.office.output.readouterr()
    assert roofers.rows("Contact")[other]["LastName"] == "Newlywed"
    reasons = [row["reason"] for row in roofers.office.ask("parked") if "MailingCity" in row["reason"]]
    assert reasons and all("is hidden from syncd's user" in reason for reason in reasons)
    roofers.at(SF).act("field_show", "Contact", name="MailingCity")
    assert main(["retry"]) == 0 and main(["once"]) in (0, 1)
    roofers.office.output.readouterr()
    assert roofers.rows("Contact")[contact]["MailingCity"] == "Typed while hidden"
    roofers.rest()
    roofers.whole(people(0, 3))


class Ahead:
    """The clock by which a connector waits, moved on with the office's."""

    def __init__(self, roofers: Roofers) -> None:
        """Put it in the place of the machine's, for the door of Salesforce."""
        self.ahead = roofers.watch.ahead
        roofers.patch.setattr("syncd_salesforce.door.time", self)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic() + self.ahead[0]


def test_a_session_that_ends_amid_a_batch_writes_each_record_once(roofers: Roofers) -> None:
    """Every session ends just before each request of a batch that takes several: what is written, is written once."""
    roofers.settle_in(8, 8)
    roofers.patch.setattr("syncd_salesforce.writes.WRITE_LIMIT", 3)
    turn = cycle((False, True, False))

    def end() -> None:
        if next(turn):
            roofers.at(SF).act("kill_tokens")

    for _, other, left, right in roofers.pairs():
        roofers.types(other, right, f"Typed {left}")
    with roofers.before(is_write, end) as asked, roofers.counted() as written:
        roofers.rest()
    assert len(asked) >= 3 * 3, asked
    assert written == dict.fromkeys([left for _, _, left, _ in roofers.pairs()], 1), written
    roofers.whole(people(8, 8))


def test_a_locator_that_expires_between_two_pages_loses_nothing(roofers: Roofers) -> None:
    """What is read in several pages is read from the beginning: the looks before writes, and roles of opportunities."""
    roofers.settle_in(8, 8)
    sf, calls = roofers.at(SF), iter(range(4))
    sf.settings(page_cut=2)
    deals, contacts = sorted(roofers.links("opportunities-jobs")), sorted(roofers.links("contacts"))
    for one in contacts[1:3]:
        sf.act("create", "OpportunityContactRole", fields={"OpportunityId": deals[0], "ContactId": one})
    for kind, other, left, right in roofers.pairs():
        at, id_ = (kind, left) if kind == "Opportunity" else (other, right)
        roofers.types(at, id_, f"Typed {left}")

    def expire() -> None:
        if next(calls, None) is not None:
            sf.act("expire_locators")

    mark = sf.mark()
    with roofers.before(lambda method, path: "/query/" in path, expire):
        roofers.rest()
    lost = [one["path"] for one in sf.requests(mark) if "/query/" in one["path"] and one["status"] == 400]
    assert len(lost) == 4, lost
    roofers.whole(people(8, 8))


def test_in_a_storm_of_row_locks_all_is_written_in_the_end_and_once(roofers: Roofers) -> None:
    """Two writes of three find their row locked: each is tried again until it is written, and not once more."""
    roofers.settle_in(8, 8)
    sf = roofers.at(SF)
    sf.settings(lock_share=0.7)
    for _, other, left, right in roofers.pairs():
        roofers.types(other, right, f"Typed {left}")
    mark = sf.mark()
    with roofers.counted() as written:
        roofers.rest()
    sf.settings(lock_share=0)
    assert len(sf.writes(mark)) > 12, "a list of each kind would have done"
    assert written == dict.fromkeys([left for _, _, left, _ in roofers.pairs()], 1), written
    roofers.whole(people(8, 8))


@pytest.mark.parametrize("typed", ["Lead", "contacts"])
@pytest.mark.parametrize("known", [False, True])
def test_a_lead_converted_amid_an_edit_goes_on_as_its_contact(roofers: Roofers, typed: str, known: bool) -> None:
    """Between the read and the write: its JobNimbus contact goes on with what it became, even one without its keys."""
    roofers.settle_in(6, 4)
    sf, (lead, twin) = roofers.at(SF), next(iter(roofers.links("leads").items()))
    wish: dict[str, str] = {}
    if known:
        home = sf.act("create", "Account", fields={"Name": "Elsewhere"})["id"]
        who = {"FirstName": "Otto", "LastName": "Elsewhere", "AccountId": home}
        wish = {"account": home, "contact": sf.act("create", "Contact", fields=who)["id"]}
        roofers.rest()
    done: list[dict[str, Any]] = []

    def convert() -> None:
        if not done:
            done.append(sf.act("convert", "Lead", id=lead, **wish))

    roofers.types(typed, lead if typed == "Lead" else twin, "Typed before")
    amid = roofers.before(is_write, convert) if typed == "contacts" else roofers.before_write(convert)
    with amid:
        roofers.rest()
    (made,) = done
    roofers.became[lead] = made["contact"]
    assert lead not in roofers.links("leads")
    assert roofers.links("contacts")[made["contact"]] == twin
    sf.act("update", "Opportunity", id=made["opportunity"], fields={"StageName": "Qualification"})
    roofers.rest()
    job = roofers.links("opportunities-jobs")[made["opportunity"]]
    assert roofers.rows("jobs")[job]["primary"]["id"] == twin
    # Values that differ at that moment are listed: the names of somebody else. What was typed in JobNimbus travels on.
    listed = {"FirstName", "LastName"} if known else set()
    assert {row["rule"] for row in roofers.office.ask("conflicts", "list")} == listed
    roofers.whole(people(6, 4, Contact=1, Opportunity=1, jobs=1), listed=len(listed))


def test_leads_converted_into_one_contact_are_a_question_and_nobody_is_made_twice(roofers: Roofers) -> None:
    """Into a contact that has a twin already, or two into one: a person is asked, and answers with one command."""
    roofers.settle_in(6, 4)
    sf, leads = roofers.at(SF), roofers.links("leads")
    (known, twin), (first, second, third, *_) = next(iter(roofers.links("contacts").items())), sorted(leads)

    def into(lead: str, **wish: Any) -> dict[str, Any]:
        return dict(sf.act("convert", "Lead", id=lead, opportunity=False, **wish))

    def asked() -> list[tuple[str, str]]:
        return sorted((row["ref"], row["reason"]) for row in roofers.office.ask("parked") if row["cause"] == "question")

    def says(reason: str) -> None:
        assert main(reason.rpartition("syncd ")[2].rstrip("`.").split()) == 0
        roofers.office.output.readouterr()

    home = roofers.rows("Contact")[known]["AccountId"]
    into(first, account=home, contact=known)
    roofers.rest()
    ((ref, reason),) = asked()
    assert ref == f"jobnimbus:contacts:{leads[first]}"
    assert f"its twin salesforce:Lead:{first} became salesforce:Contact:{known}, which is linked with" in reason
    roofers.types("Contact", known, "Typed on")
    roofers.rest()
    says(reason)
    roofers.rest()
    assert asked() == []
    made = into(second)
    into(third, account=made["account"], contact=made["contact"])
    roofers.rest()
    ((ref, reason),) = asked()
    assert ref == f"salesforce:Contact:{made['contact']}"
    assert leads[second] in reason and leads[third] in reason
    says(f"syncd link {ref} jobnimbus:contacts:{leads[third]}")
    roofers.rest()
    ((ref, _),) = asked()
    assert ref == f"jobnimbus:contacts:{leads[second]}"
    roofers.at(JN).act("archive", "contacts", id=leads[second])
    says("syncd retry")
    roofers.rest()
    assert asked() == []
    assert roofers.links("contacts")[known] == twin and roofers.links("contacts")[made["contact"]] == leads[third]
    assert roofers.counts() == people(6, 4, Contact=1, contacts=-1)


def others_call(roofers: Roofers, times: int) -> int:
    """Another program of the org asks so often; how many calls of the last 24 hours are used by now."""
    told = {"authorization": f"Bearer {SANDBOX_TOKEN}"}
    with httpx.Client(base_url=roofers.at(SF).url, headers=told, trust_env=False) as http:
        for _ in range(times):
            answer = http.get("/services/data/v66.0/limits")
    return int(answer.headers["sforce-limit-info"].removeprefix("api-usage=").split("/")[0])


@pytest.mark.parametrize(("share", "words"), [(0.9, "`stop_at` keeps the rest"), (1.0, "TotalRequests Limit exceeded")])
def test_calls_of_a_day_used_up_at_noon_pause_salesforce_alone(roofers: Roofers, share: float, words: str) -> None:
    """A sentence says so and until when; JobNimbus is read on, and all crosses by itself when calls are free again."""
    roofers.settle_in(6, 6)
    sf, jn = roofers.at(SF), roofers.at(JN)
    Ahead(roofers)
    now = datetime.fromisoformat(sf.clock()["now"])
    # The next noon: a vendor's clock never goes back.
    roofers.watch.round(timedelta(hours=24 - (now.hour - 12) % 24, minutes=-now.minute).total_seconds())
    sf.settings(daily=int(others_call(roofers, 250) / share))
    roofers.watch.round()
    for n, (kind, other, left, right) in enumerate(roofers.pairs()):
        roofers.types(*((kind, left) if n % 2 else (other, right)), f"Typed {left}")
    roofers.office.begin()
    roofers.watch.rounds(4)
    states = roofers.watch.status()["systems"]
    assert states[JN] == {"state": "ok", "reason": None, "until": None}
    assert states[SF]["state"] == "waiting" and words in states[SF]["reason"], states
    wait = datetime.fromisoformat(states[SF]["until"]) - datetime.fromisoformat(sf.clock()["now"])
    assert timedelta(0) < wait <= timedelta(minutes=15)
    assert roofers.office.writes() == [] and sf.requests(roofers.office.since[SF]) == []
    read = {one["path"] for one in jn.requests(roofers.office.since[JN])}
    assert any("contacts" in path for path in read) and any("jobs" in path for path in read), read
    assert main(["check"]) == 2
    *of_system, of_pair = (line for line in roofers.office.output.readouterr().out.splitlines() if line.startswith("✗"))
    assert of_pair.startswith("✗ pair sales: ") and any(of_pair.endswith(line[-60:]) for line in of_system)
    roofers.watch.rounds(25, HOUR)
    roofers.rest()
    assert roofers.watch.status()["systems"][SF]["state"] == "ok"
    roofers.whole(people(6, 6))
