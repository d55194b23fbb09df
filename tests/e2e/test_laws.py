"""The laws bite: each breach, made behind syncd's back, is told with its story. Not here: the plays they judge."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from syncd.app import App
from syncd.core.model import Side
from syncd.engine.planning import lost_row
from syncd.lab.causes import Causes
from syncd.lab.crm import HUBSPOT
from syncd.lab.histories import BY_SYNCD, Histories
from syncd.lab.laws import Breach, Laws
from syncd.lab.meetings import meetings
from syncd.lab.people import HAND
from syncd.lab.play import TIMING
from syncd.lab.process import until
from syncd.lab.stage import Stage
from syncd.store.links import Link
from syncd.store.marks import PARKED
from syncd.store.tables import journal


@dataclass
class Scene:
    """One pair of contacts among many that are synced. `others`: ids of whom the tests before spoilt."""

    stage: Stage
    app: App
    link: int
    left: str
    right: str
    others: frozenset[str | None]

    def check(self) -> list[Breach]:
        """What the laws say now."""
        return self.new(Laws(self.app.world, self.stage.vendors).check())

    def causes(self) -> list[Breach]:
        """What the law of causes says now."""
        return self.new(Causes(self.app.world, Histories(self.stage.vendors)).check())

    def meetings(self) -> list[Breach]:
        """Who met at a link, as the journal's fences tell."""
        return self.new(meetings(self.app.world))

    def new(self, breaches: list[Breach]) -> list[Breach]:
        """Those of them that this test is about."""
        return [breach for breach in breaches if not {breach.left, breach.right} & self.others]

    def intend(self, outcome: str = "written", **more: Any) -> int:
        """An intent that syncd never had, to write the city on the right; done with."""
        with self.app.store.begin() as tx:
            row = {
                "run": 1, "map": "sales/contacts", "side": "right", "action": "update", "link": self.link,
                "record_id": self.right, "source_id": self.left, "before": {}, "version": None,
                "opened_at": self.app.clock(), "lands_by": None, "fence": 1_000_000, "fields": {}, "rules": {}, **more,
            }  # fmt: skip
            (intent,) = tx.journal.open([row])
            tx.journal.close(intent, outcome, self.app.clock())
        return intent

    def list(self, state: str, left: str, right: str, lost: str | None) -> None:
        """A row about the city on the list of conflicts, that syncd never wrote."""
        more = {"lost_side": lost, "reason": "a test", "run": 1, "at": self.app.clock()}
        with self.app.store.begin() as tx:
            row = lost_row("sales/contacts", self.link, (self.left, self.right), "city", (left, right), state, **more)
            tx.conflicts.list_lost([row])

    def park(self, map_key: str, id_: str, cause: str, *, waits_for: str | None = None) -> None:
        """A record of the left is parked, for a reason that syncd never had."""
        now, fence = self.app.clock(), 2_000_000
        with self.app.store.begin() as tx:
            tx.marks.add(map_key, Side.LEFT, [id_], now)
            tx.marks.claim(map_key, now, now + timedelta(minutes=1), fence, limit=1000)
            mark = tx.marks.get(map_key, Side.LEFT, [id_])[id_]
            assert tx.marks.rest(mark, fence, PARKED, cause=cause, reason="a test", waits_for=waits_for)
            tx.marks.release(fence)

    def type_left(self, value: str) -> None:
        """A person edits the city on the left."""
        self.stage.left.act("update", "contacts", id=self.left, fields={"city": value}, as_=HUBSPOT.hand)

    def type_right(self, value: str) -> None:
        """A person edits the city on the right."""
        self.stage.right.act("update", "contacts", id=self.right, fields={"city": value}, as_=HAND)

    def write_left(self, method: str, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Somebody with our own key writes on the left, past the engine."""
        answer = httpx.request(
            method, f"{self.stage.left.url}/crm/objects/2026-03/{path}", json={"properties": fields},
            headers={"authorization": f"Bearer {HUBSPOT.key}"}, trust_env=False,
        )  # fmt: skip
        return dict(answer.raise_for_status().json())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, App, Iterator[Link]]]:
    """Some leads, synced and quiet, no law broken; and one after the other those that syncd handed over."""
    folder = tmp_path_factory.mktemp("laws")
    with (
        Stage(folder=folder, leads=45, rate="100/1", timing=TIMING, right_settings={"index_lag": 0.0}) as stage,
        App.open(stage.config, environ=stage.environ) as app,
    ):
        app.once()
        assert Laws(app.world, stage.vendors).check() == []
        assert Causes(app.world, Histories(stage.vendors)).check() == []
        assert meetings(app.world) == []
        with app.store.read() as tx:
            links = tx.links.all("sales/contacts")
        made = (one for one in links if stage.right.history("contacts", one.right_id)[0]["via"] == BY_SYNCD)
        yield stage, app, made


@pytest.fixture
def scene(place: tuple[Stage, App, Iterator[Link]]) -> Scene:
    """A pair that no test has touched; what the laws say of the others is known."""
    stage, app, links = place
    link, before = next(links), (*Laws(app.world, stage.vendors).check(), *meetings(app.world))
    told = (*before, *Causes(app.world, Histories(stage.vendors)).check())
    others = {id_ for breach in told for id_ in (breach.left, breach.right)} - {None, link.left_id, link.right_id}
    return Scene(stage, app, link.id, link.left_id, link.right_id, frozenset(others))


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a write came in the very moment it was compared."""
    monkeypatch.setattr("syncd.lab.laws.WINDOW", timedelta(0))


@pytest.mark.usefixtures("_at_once")
def test_an_overwritten_edit_is_lost(scene: Scene) -> None:
    """A person's value that our key replaces before it reached the other side is a lost edit, told with its history."""
    scene.type_left("Nowhere")
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"})
    (breach,) = scene.check()
    assert (breach.law, breach.left, breach.rule) == ("lost edit", scene.left, "city")
    assert "'Nowhere' of the left gave way to 'Elsewhere'" in str(breach)
    assert any("person" in line and "Nowhere" in line for line in breach.story)


@pytest.mark.usefixtures("_at_once")
def test_an_edit_that_its_person_put_back_at_once_is_not_lost(scene: Scene) -> None:
    """A write that landed unseen looks as if it had not, where a person undid it: what they want stands."""
    scene.type_left("Nowhere")
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"})
    scene.type_left("Nowhere")
    assert {breach.law for breach in scene.check()} == {"not carried"}
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"})
    assert "lost edit" in {breach.law for breach in scene.check()}


@pytest.mark.usefixtures("_at_once")
def test_a_closed_link_is_judged_too(scene: Scene) -> None:
    """An edit that was lost before its link was closed is lost; what is typed afterwards need not be carried."""
    scene.type_left("Nowhere")
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"})
    with scene.app.store.begin() as tx:
        tx.links.close(scene.link, "a test", scene.app.clock())
    scene.type_right("Somewhere")
    assert {(breach.law, breach.left, breach.rule) for breach in scene.check()} == {("lost edit", scene.left, "city")}


@pytest.mark.usefixtures("_at_once")
def test_a_blank_from_before_the_first_link_may_be_filled(place: tuple[Stage, App, Iterator[Link]]) -> None:
    """Who cleared a field before syncd knew of anybody across lost nothing by the first link; afterwards it is lost."""
    stage, app, _ = place
    fields = {"email": "zoe@newcomer.example", "lifecyclestage": "subscriber"}
    left = stage.left.act("create", "contacts", fields=fields, as_=HUBSPOT.hand)["id"]
    right = stage.right.act("create", "contacts", fields={"display_name": "Zoe", "city": "Underhill"}, as_=HAND)["id"]
    scene = Scene(stage, app, 0, left, right, frozenset())
    scene.write_left("PATCH", f"contacts/{left}", {"city": "Overhill"})
    app.once()
    scene.type_left("")
    app.once()
    stage.right.act("update", "contacts", id=right, fields={"email": "zoe@newcomer.example"}, as_=HAND)
    app.once()
    with app.store.read() as tx:
        assert tx.links.of("sales/contacts", Side.LEFT, [left])[left].right_id == right
    history = Histories(stage.vendors).moments(app.world.maps["sales/contacts"], Side.LEFT, left, "city")
    assert [one.value for one in history] == [None, "Overhill", None, "Underhill"]
    assert [one for one in scene.check() if one.left == left] == []
    scene.type_left("")
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"})
    laws = {one.law for one in scene.check() if (one.map, one.left) == ("sales/contacts", left)}
    assert laws - {"not carried"} == {"lost edit"}


@pytest.mark.usefixtures("_at_once")
def test_an_edit_in_flight_is_counted_apart(scene: Scene) -> None:
    """What a person types while our write is in the vendor's hands could not be compared with: it is counted apart."""
    scene.stage.left.faults({"fault": "slow", "writes_only": True, "delay": 2.0, "times": 1})
    slow = threading.Thread(target=scene.write_left, args=("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"}))
    slow.start()
    until(lambda: scene.stage.left.played()[0]["played"] == 1, within=60, what="the write")
    scene.type_left("Nowhere")
    slow.join()
    laws = Laws(scene.app.world, scene.stage.vendors)
    assert {breach.law for breach in scene.new(laws.check())} <= {"not carried"}
    assert laws.in_flight == 1


def test_an_edit_that_stays_at_home_is_not_carried(scene: Scene) -> None:
    """A person's value that stands on one side only, and on no list, is a breach; synced, it is none."""
    scene.type_right("Nowhere")
    assert {breach.law for breach in scene.check()} == {"not carried"}
    scene.app.once()
    assert scene.check() == []


def test_a_story_tells_the_bases(scene: Scene) -> None:
    """What syncd takes for the field's last agreement stands in the story of a breach."""
    with scene.app.store.begin() as tx:
        link = tx.links.get([scene.link])[scene.link]
        tx.links.save_deltas([replace(link, left={**link.left, "city|city|city": ("Oldtown", None)})])
    scene.type_right("Nowhere")
    breach = next(one for one in scene.check() if one.map == "sales/contacts")
    bases = [line for line in breach.story if line.startswith("base ")]
    assert [line.endswith("known True") for line in bases] == [True, True]
    assert "Oldtown" in bases[0]


def test_an_edit_that_a_person_replaced_across_is_not_lost(scene: Scene) -> None:
    """A value that arrived on the other side and was replaced there by a person may be overwritten."""
    scene.type_left("First")
    scene.app.once()
    scene.type_right("Second")
    scene.app.once()
    assert scene.check() == []


@pytest.mark.parametrize("times", [1, 2])
def test_what_was_typed_and_taken_back_unseen_was_never_there(scene: Scene, times: int) -> None:
    """However often: it stood for syncd all the while, and gives way to what somebody typed across meanwhile."""
    m = scene.app.world.maps["sales/contacts"]

    def city() -> str:
        return str(Histories(scene.stage.vendors).moments(m, Side.RIGHT, scene.right, "city")[-1].value)

    before = city()
    scene.type_right("Nowhere")
    scene.type_left("Elsewhere")
    for _ in range(times):
        scene.type_right("Somewhere")
        scene.type_right(before)
    while city() == before:  # HubSpot's search lags behind
        scene.app.once()
    assert scene.check() == []


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(("first", "laws"), [("right", {"lost edit"}), ("left", set())])
def test_what_a_person_replaced_before_the_edit_is_no_excuse(scene: Scene, first: str, laws: set[str]) -> None:
    """Who filled the blank across before the clearing does not excuse its loss; who fills it afterwards does."""
    acts = [("left", ""), ("right", ""), ("right", "Elsewhere")]
    for side, value in acts if first == "left" else [*acts[1:], acts[0]]:
        (scene.type_left if side == "left" else scene.type_right)(value)
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"})
    assert {breach.law for breach in scene.check() if breach.map == "sales/contacts"} - {"not carried"} == laws


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(("told", "laws"), [(None, set()), ("after", {"lost edit"}), ("before", set())])
def test_what_was_typed_back_before_anybody_saw_never_went(scene: Scene, told: str | None, laws: set[str]) -> None:
    """A value that was back before syncd looked counts as standing all the time; once a conflict told, it is new.

    Not if that told of the same value when somebody had typed it earlier.
    """
    (row,) = (one for one in scene.stage.left.records("contacts") if one["id"] == scene.left)
    if told == "before":
        scene.list("agreed", "Between", "Elsewhere", None)
        time.sleep(0.05)
    scene.type_left("Between")
    scene.type_right("Elsewhere")
    if told == "after":
        scene.list("agreed", "Between", "Elsewhere", None)
    scene.type_left(row["properties"]["city"])
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"})
    assert {breach.law for breach in scene.check() if breach.map == "sales/contacts"} == laws


@pytest.mark.parametrize(
    ("cause", "laws"), [("question", set()), ("unmapped", {"not carried"}), ("later", {"not carried"})]
)
def test_only_what_a_mark_stops_is_excused(scene: Scene, cause: str, laws: set[str]) -> None:
    """A question stops a whole record; a value without counterpart its field; trying in vain is no excuse at all."""
    scene.park("sales/contacts", scene.left, cause)
    scene.type_right("Nowhere")
    assert {breach.law for breach in scene.check() if breach.map == "sales/contacts"} == laws


def test_a_clash_is_on_the_list(scene: Scene) -> None:
    """Two values typed at once are a conflict that syncd lists; neither of them is lost."""
    scene.type_left("Left")
    scene.type_right("Right")
    scene.app.once()
    assert scene.check() == []
    mine = [row["rule"] for row in scene.app.conflicts(None) if row["left_id"] == scene.left]
    assert mine.count("city") == 1


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(("lost", "laws"), [("right", {"lost edit"}), ("left", set()), (None, set())])
def test_only_what_lost_is_excused_by_the_list(scene: Scene, lost: str | None, laws: set[str]) -> None:
    """A value that won a conflict may not be lost later; one that was passed over there, or is asked about, may."""
    scene.list("overruled" if lost else "open", "Nowhere", "Beaten", lost)
    scene.type_left("Nowhere")
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"})
    assert {breach.law for breach in scene.check() if breach.map == "sales/contacts"} == laws


@pytest.mark.parametrize(("state", "laws"), [("agreed", {"not carried"}), ("gone", {"not carried"}), ("open", set())])
def test_a_conflict_that_has_ended_excuses_nothing_that_stands(scene: Scene, state: str, laws: set[str]) -> None:
    """What still stands on one side only is excused by a list that still says so."""
    scene.list(state, "Nowhere", "Somewhere", None)
    scene.type_left("Nowhere")
    assert {breach.law for breach in scene.check() if breach.map == "sales/contacts"} == laws


def test_a_record_that_nobody_claims_was_made_and_forgotten(scene: Scene) -> None:
    """A record made by our key that no link has is a breach."""
    made = scene.write_left("POST", "contacts", {"email": "stray@example.com"})
    (breach,) = scene.check()
    assert (breach.law, breach.left) == ("made and forgotten", made["id"])


def test_a_write_without_an_outcome_is_told(scene: Scene) -> None:
    """An intent that stays open is a breach."""
    with scene.app.store.begin() as tx:
        intent = tx.journal.recent(limit=1)[0].id
        tx.journal.close(intent, None, scene.app.clock())
    assert "open write" in [breach.law for breach in scene.check()]


def test_a_child_whose_parent_has_come_is_released(scene: Scene) -> None:
    """A deal that stays parked for a contact that is linked by now is a breach; one whose contact is not is none."""
    scene.park("sales/deals-jobs", "child", "waiting", waits_for=f"{HUBSPOT.name}:contacts:nobody")
    assert scene.check() == []
    scene.park("sales/deals-jobs", "child", "waiting", waits_for=f"{HUBSPOT.name}:contacts:{scene.left}")
    assert [(breach.law, breach.left) for breach in scene.check()] == [("left waiting", "left child")]


def test_a_write_that_no_intent_tells_of_is_unexplained(scene: Scene) -> None:
    """What our key changed without a word in the journal is a breach, told with the record's history."""
    assert scene.causes() == []
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"})
    (breach,) = scene.causes()
    assert (breach.law, breach.left, breach.rule) == ("unexplained write", scene.left, "city")
    assert any("Elsewhere" in line for line in breach.story)


def test_one_intent_explains_one_write(scene: Scene) -> None:
    """A value that our key wrote twice, with another in between, needs two intents."""
    scene.type_right("Somewhere")
    scene.app.once()
    assert scene.causes() == []
    scene.type_left("Nowhere")
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Somewhere"})
    assert [(breach.law, breach.rule) for breach in scene.causes()] == [("unexplained write", "city")]


def test_what_was_merged_before_it_was_told_is_explained_by_its_key(scene: Scene) -> None:
    """The journal names the older record, which carries the key now; what lives is not excused by that."""
    source = f"gone{scene.left}"
    fields = {"email": f"{source}@example.com", "syncd_id": f"jobnimbus:contacts:{source}"}
    made = scene.write_left("POST", "contacts", fields)
    scene.intend("landed", action="create", side="left", record_id=scene.left, source_id=source, link=None)
    assert {breach.left for breach in scene.causes()} == {str(made["id"])}
    scene.stage.left.act("archive", "contacts", id=made["id"], as_=HUBSPOT.hand)
    assert scene.causes() == []


@pytest.mark.parametrize("seen", [False, True])
def test_what_was_made_and_deleted_before_it_was_told_is_explained(scene: Scene, *, seen: bool) -> None:
    """Nobody could find it when its creation was given up; one that was there then ought to have been found."""
    fields = {"email": f"unseen{scene.left}-{seen}@example.com"}
    made = scene.write_left("POST", "contacts", fields)
    creation = {"action": "create", "side": "left", "record_id": None, "source_id": "nobody", "link": None}
    if seen:
        scene.intend("not landed", **creation, fields=fields)
    time.sleep(0.01)  # the vendor tells milliseconds: within one, nobody can say what came first
    scene.stage.left.act("archive", "contacts", id=str(made["id"]), as_=HUBSPOT.hand)
    time.sleep(0.01)
    if not seen:
        scene.intend("not landed", **creation, fields=fields)
    assert {breach.left for breach in scene.causes()} == ({str(made["id"])} if seen else set())


def test_an_echo_is_no_cause(scene: Scene) -> None:
    """An update that carries what only syncd itself put on its source is a breach; what a person put there is none."""
    scene.type_right("Somewhere")
    scene.app.once()
    settle = {"left": "Somewhere", "right": "Somewhere"}
    rules = {"city": {"field": "city", "settle": settle, "reason": "", "lost": None, "sides": []}}
    bounced = scene.intend(fields={"city": "Somewhere"}, rules=rules)
    (breach,) = scene.causes()
    assert f"by intent {bounced}, and only syncd ever wrote it here" in breach.text
    scene.type_left("Somewhere else")
    scene.type_left("Somewhere")
    assert scene.causes() == []


def test_a_blank_is_no_cause_where_nobody_left_one(scene: Scene) -> None:
    """An update that blanks what its source has had since it was made is a breach; who clears the source causes it."""
    (made,) = (one for one in scene.stage.left.history("contacts", scene.left) if "lastname" in one["fields"])
    settle = {"left": None, "right": None}
    rules = {"lastname": {"field": "last_name", "settle": settle, "reason": "", "lost": None, "sides": []}}
    blanked = scene.intend(fields={"last_name": None}, rules=rules)
    assert made["fields"]["lastname"][0] in (None, "")
    assert f"None went to the right by intent {blanked}" in "".join(breach.text for breach in scene.causes())
    scene.stage.left.act("update", "contacts", id=scene.left, fields={"lastname": ""}, as_=HUBSPOT.hand)
    assert scene.causes() == []


def test_a_choice_causes_only_what_was_chosen(scene: Scene) -> None:
    """What a person took in a conflict may be written; any other value of that field needs a cause of its own."""
    scene.list("taken", "Nowhere", "Elsewhere", None)
    for value in ("Elsewhere", "Nowhere"):
        settle = {"left": value, "right": value}
        rules = {"city": {"field": "city", "settle": settle, "reason": "", "lost": None, "sides": []}}
        scene.intend(fields={"city": value}, rules=rules)
    assert scene.causes() == []
    settle = {"left": "Wherever", "right": "Wherever"}
    rules = {"city": {"field": "city", "settle": settle, "reason": "", "lost": None, "sides": []}}
    other = scene.intend(fields={"city": "Wherever"}, rules=rules)
    assert [f"by intent {other}," in breach.text for breach in scene.causes()] == [True]


def test_what_was_made_once_is_not_made_again(scene: Scene) -> None:
    """Two creations for one record are a breach, even if a person has deleted the first one meanwhile."""
    scene.intend(action="create", link=None, record_id="made-again")
    assert "2 records were made for it on the right" in [breach.text for breach in scene.causes()]


def test_two_claims_at_one_link_are_told(scene: Scene) -> None:
    """A write of an older claim behind one of a newer, or open when a newer began, means that two were at the link."""
    assert scene.meetings() == []
    newer = scene.intend()
    assert scene.meetings() == []
    older = scene.intend(fence=999_999)
    assert [breach.text for breach in scene.meetings()] == [f"write {older}: fence 999999 wrote after fence 1000000"]
    with scene.app.store.begin() as tx:
        tx.connection.execute(update(journal).where(journal.c.id == older).values(outcome=None))
    latest = scene.intend(fence=1_000_001)
    assert f"write {latest}: " in scene.meetings()[-1].text
    assert f"write {older} of an older fence was open" in scene.meetings()[-1].text
    assert newer < older < latest


def test_what_was_merged_and_deleted_unseen_is_explained_by_who_it_was(scene: Scene) -> None:
    """No store knows what became of it: the vendor does, and the journal's writes are those of the one that it was."""
    other = scene.write_left("POST", "contacts", {"email": f"other{scene.left}@example.com"})
    scene.intend("landed", action="create", side="left", record_id=str(other["id"]), source_id="nobody", link=None,
                 fields={"email": f"other{scene.left}@example.com"})  # fmt: skip
    merged = scene.stage.left.act("merge", "contacts", id=str(other["id"]), other=scene.left, as_=HUBSPOT.hand)
    scene.stage.left.act("archive", "contacts", id=str(merged["id"]), as_=HUBSPOT.hand)
    assert scene.causes() == []
