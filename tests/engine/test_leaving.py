"""Records that are deleted, hidden, brought back, merged, or leave the map's condition: what becomes of their links.

What is not here: everything at once (`test_machine`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.fieldmap import Leave
from syncd.core.model import Gone, Ref
from syncd.engine.absorb import absorb
from syncd.engine.answers import release
from syncd.engine.by_hand import relink, unlink
from syncd.engine.worker import Worker
from syncd.engine.world import Guard
from syncd.fieldmaps import load
from syncd.store.marks import PARKED
from tests.engine import doings
from tests.engine.doings import FEEDS, audit, cycle, edit, hinted, judge, make, read_feed, read_soon, rest, run
from tests.engine.test_rules import KEYLESS, linked, must, rows, town_of, with_mode
from tests.engine.town import CONTACTS, SCHEMAS, SYSTEMS, Town
from tests.engine.vendor import Row, Traits

BURIES = Traits(tombstones=True)


def parked(town: Town, cause: str) -> list[str]:
    """The reasons of what is parked for this cause, each once (both marks of a link may rest with it)."""
    with town.store.read() as tx:
        return sorted({mark.reason or "" for mark in tx.marks.resting(PARKED) if mark.cause == cause})


def partners(town: Town, map_key: str = "pair/contacts") -> set[tuple[str, str]]:
    """The open links of a map."""
    with town.store.read() as tx:
        return {(link.left_id, link.right_id) for link in tx.links.all(map_key)}


def another(town: Town, number: int) -> Row:
    """One more contact, of its own kind."""
    made = make(town, "crm", "contacts", {"email": f"other{number}@x.example", "name": f"Other {number}"})
    assert made is not None
    return made


def writes(town: Town) -> int:
    """How often either vendor was asked to write."""
    return sum(1 for vendor in town.vendors.values() for call in vendor.calls if call[0] == "write")


def test_a_deleted_record_closes_its_link_and_its_twin_stays() -> None:
    """A tombstone that one read confirms closes the link; the twin is flagged, not touched; nothing is made anew."""
    with town_of(left=BURIES) as town:
        left, right = linked(town)
        key = town.maps[0].key
        before = writes(town)
        town.vendors["crm"].delete("contacts", left.id)
        rest(town)
        assert partners(town, key) == set()
        (reason,) = parked(town, "gone")
        assert f"crm:contacts:{left.id} was deleted; con:contacts:{right.id} stays" in reason
        edit(town, "con", "contacts", right.id, {"phone": "9"})
        rest(town)
        assert writes(town) == before
        assert [row.id for row in rows(town, "con", "contacts")] == [right.id]
        assert rows(town, "crm", "contacts") == []


def test_that_parents_were_deleted_is_no_difference_of_their_children() -> None:
    """Both sides go on to name who was each other's twin: the audit has nothing to say of the children."""
    with town_of(left=BURIES) as town:
        left, _ = linked(town)
        make(town, "crm", "deals", {"title": "Roof", "stage": "won", "contact": left.id})
        rest(town)
        assert len(partners(town, "pair/deals-jobs")) == 1
        town.vendors["crm"].delete("contacts", left.id)
        rest(town)
        assert partners(town) == set()
        assert audit(town) == []


def test_what_was_deleted_is_not_made_again() -> None:
    """Even where no key of ours tells who the twin was, whatever is edited on it makes the deleted record no more."""
    with town_of(left=replace(BURIES, sync_key=False, maker=False), right=KEYLESS) as town:
        left, right = linked(town)
        town.vendors["crm"].delete("contacts", left.id)
        rest(town)
        edit(town, "con", "contacts", right.id, {"phone": "9"})
        judge(town)
        must(rows(town, "crm", "contacts") == [], "a deleted record was made again")


def test_a_record_that_comes_back_is_linked_again_and_no_edit_is_lost() -> None:
    """Restored, the record has its link again, and what was edited on the twin meanwhile is carried."""
    with town_of(left=BURIES) as town:
        left, right = linked(town)
        town.vendors["crm"].delete("contacts", left.id)
        rest(town)
        edit(town, "con", "contacts", right.id, {"phone": "9"})
        rest(town)
        town.vendors["crm"].restore("contacts", left.id)
        judge(town)
        assert partners(town, town.maps[0].key) == {(left.id, right.id)}
        assert town.vendors["crm"].rows["contacts"][left.id].fields["phone"] == "9"
        assert parked(town, "gone") == []


def put_apart(town: Town, how: str, left: Row, right: Row) -> None:
    """The link is closed: the record across is deleted, or a person parts the two."""
    if how == "deleted":
        town.vendors["con"].delete("contacts", right.id)
    else:
        unlink(town.world, Ref("crm", "contacts", left.id))
    rest(town)
    assert partners(town) == set()


def brought_together(town: Town, how: str, left: Row, right: Row) -> None:
    """It is opened again: the record is restored, or a person links the two as they were."""
    if how == "deleted":
        town.vendors["con"].restore("contacts", right.id)
    else:
        relink(town.world, Ref("crm", "contacts", left.id))
    judge(town)
    assert partners(town) == {(left.id, right.id)}


@pytest.mark.parametrize("how", ["deleted", "parted"])
def test_what_was_asked_when_a_link_closed_is_asked_when_it_opens_again(how: str) -> None:
    """Rule 11: who puts a value back meanwhile, where a person is asked about another, has edited it, as ever."""
    with town_of(left=BURIES, right=BURIES) as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"note": "1"})
        edit(town, "con", "contacts", right.id, {"note": "2"})
        rest(town)
        put_apart(town, how, left, right)
        edit(town, "crm", "contacts", left.id, {"note": None})
        rest(town)
        brought_together(town, how, left, right)
        with town.store.read() as tx:
            (open_,) = tx.conflicts.list(states=["open"])
            assert tx.conflicts.list(states=["gone"]) == []
        assert (open_.rule, open_.left, open_.right) == ("note", None, "2")
        assert left.fields["note"] is None and town.vendors["con"].rows["contacts"][right.id].fields["note"] == "2"


def test_absence_beside_a_canary_closes_the_link() -> None:
    """Where a vendor tells of no deletions, a record that does not answer while others do is gone."""
    with town_of() as town:
        left, right = linked(town)
        another(town, 1)
        judge(town)
        town.vendors["con"].delete("contacts", right.id)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        rest(town)
        assert (left.id, right.id) not in partners(town, town.maps[0].key)
        assert len(parked(town, "gone")) == 1


def test_absence_of_all_is_a_missing_permission() -> None:
    """When no other record of the kind answers either, nothing is concluded, closed or written."""
    with town_of() as town:
        left, right = linked(town)
        hidden = town.vendors["con"].rows["contacts"]
        town.vendors["con"].rows["contacts"] = {}
        before = writes(town)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        rest(town)
        assert partners(town, town.maps[0].key) == {(left.id, right.id)}
        (reason,) = parked(town, "vanished")
        assert "looks like a missing permission of con; nothing was changed" in reason
        assert town.vendors["con"].rows["contacts"] == {}
        town.vendors["con"].rows["contacts"] = hidden
        edit(town, "crm", "contacts", left.id, {"name": "Annabel"})
        judge(town)
        assert hidden[right.id].fields["name"] == "Annabel"
        assert writes(town) > before


def test_absence_of_many_at_once_is_a_missing_permission() -> None:
    """Nine of ten records that stop answering at once are not taken for deleted, although the tenth is seen."""
    with town_of(batch=50) as town:
        people = [another(town, number) for number in range(10)]
        judge(town)
        pairs = partners(town, town.maps[0].key)
        hidden = dict(pairs)
        for one in people[:9]:
            del town.vendors["con"].rows["contacts"][hidden[one.id]]
        town.world = replace(
            town.world, pairs=tuple(replace(pair, guard=Guard(deletes=3)) for pair in town.world.pairs)
        )
        for one in people[:9]:
            edit(town, "crm", "contacts", one.id, {"name": "Somebody"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        for _ in range(3):
            run(town)
        assert partners(town, town.maps[0].key) == pairs
        assert len(parked(town, "unseen")) == 9
        assert any("stopped answering at once" in reason for reason in parked(town, "unseen"))


@pytest.mark.parametrize(("policy", "open_", "listed"), [("ignore", 1, 0), ("unlink", 0, 0), ("flag", 0, 1)])
def test_the_map_says_what_a_deletion_means(policy: str, open_: int, listed: int) -> None:
    """Ignore leaves the link, unlink closes it in silence, flag closes it and tells."""
    with town_of(left=BURIES) as town:
        left, _ = linked(town)
        m = town.maps[0]
        town.use(replace(m, right=replace(m.right, delete=policy)))
        town.vendors["crm"].delete("contacts", left.id)
        rest(town)
        assert (len(partners(town, m.key)), len(parked(town, "gone"))) == (open_, listed)


@pytest.mark.parametrize("chain", [False, True])
def test_a_link_goes_on_with_what_its_record_was_merged_into(chain: bool) -> None:
    """Merged into one that nobody is linked with, the link moves there, along a whole chain, with its bases."""
    with town_of(left=replace(BURIES, lag=timedelta(seconds=1))) as town:
        left, right = linked(town, tag="vip")
        vendor = town.vendors["crm"]
        target = vendor.create("contacts", {"email": "ann2@x.example", "tag": "cold", "name": "Ann"}, "person")
        if chain:
            middle = vendor.create("contacts", {"email": "ann1@x.example", "tag": "cold"}, "person")
            vendor.merge("contacts", left.id, middle.id)
            vendor.merge("contacts", middle.id, target.id)
        else:
            vendor.merge("contacts", left.id, target.id)
        edit(town, "con", "contacts", right.id, {"phone": "9"})
        rest(town)
        assert partners(town, town.maps[0].key) == {(target.id, right.id)}
        assert vendor.rows["contacts"][target.id].fields["phone"] == "9"
        assert [row.id for row in rows(town, "con", "contacts")] == [right.id]


def test_a_link_goes_on_through_a_record_that_was_never_seen() -> None:
    """A record becomes one that is merged itself before anybody reads it: the link ends at the last one, unbroken."""
    with town_of() as town:
        left, right = linked(town)
        vendor = town.vendors["crm"]
        last = make(town, "crm", "contacts", {"email": "c@x.example", "name": "C", "tag": "cold"})
        judge(town)
        assert last is not None
        middle = vendor.create("contacts", {"email": "b@x.example", "tag": "cold"}, "person")
        vendor.merge("contacts", left.id, middle.id)
        hinted(town, "crm", "contacts", left.id)
        Worker(town.world, town.maps[0]).step()
        vendor.merge("contacts", middle.id, last.id)
        rest(town)
        edit(town, "crm", "contacts", last.id, {"name": "Cecil"})
        rest(town)
        assert partners(town) == {(last.id, right.id)}
        assert right.fields["name"] == "Cecil"


def test_an_edit_that_is_read_while_a_link_moves_is_an_edit() -> None:
    """A feed brings the twin's edit just while the link goes to the merge's survivor: the edit crosses all the same."""
    for points in range(1, 12):
        with town_of(left=replace(BURIES, lag=timedelta(seconds=1))) as town:
            left, right = linked(town, tag="vip")
            vendor = town.vendors["crm"]
            target = vendor.create("contacts", {"email": "ann2@x.example", "tag": "cold", "name": "Ann"}, "person")
            vendor.merge("contacts", left.id, target.id)
            town.stage.now += timedelta(seconds=60)
            for feed in FEEDS:
                read_feed(town, *feed)
            edit(town, "con", "contacts", right.id, {"phone": "9"})
            town.stage.now += timedelta(seconds=60)
            read_soon(town, points, "con", "contacts")
            run(town)
            rest(town)
            must(vendor.rows["contacts"][target.id].fields["phone"] == "9", f"an edit was lost at point {points}")


def test_an_edit_of_a_survivor_waits_for_its_link_and_calls_for_it() -> None:
    """A merged record whose write is held leaves its link behind: edits of the survivor wait, and then cross."""
    with town_of() as town:
        survivor = make(town, "crm", "contacts", {"email": "b@x.example", "name": "B", "tag": "cold"})
        left, right = linked(town)
        live = town.world
        edit(town, "crm", "contacts", left.id, {"name": "New"})
        read_all(town)
        town.world = with_mode(live, "live", Guard(updates=0))
        assert town.work().state == "held"
        assert survivor is not None
        town.vendors["crm"].merge("contacts", left.id, survivor.id)
        edit(town, "crm", "contacts", survivor.id, {"name": "Later"})
        read_all(town)
        run(town)
        assert parked(town, "waiting") == [f"goes on with the link of crm:contacts:{left.id}, which was merged into it"]
        release(town.world, town.world.pairs, approve=False)
        town.world = live
        edit(town, "crm", "contacts", survivor.id, {"phone": "9"})
        rest(town)
        assert (right.fields["name"], right.fields["phone"]) == ("Later", "9")
        assert partners(town) == {(survivor.id, right.id)}
        assert parked(town, "waiting") == []


def read_all(town: Town) -> None:
    """The lists catch up, and every feed is read."""
    town.stage.now += timedelta(seconds=60)
    for feed in FEEDS:
        read_feed(town, *feed)


def merged(town: Town, *, anew: bool, into: str, other: str) -> str:
    """A person merges two contacts of the left into one of them, or (as HubSpot does) into a new one: the survivor."""
    vendor = town.vendors["crm"]
    if anew:
        new = vendor.create("contacts", {"email": "both@x.example", "name": "Both", "tag": "cold"}, "person")
        vendor.merge("contacts", into, new.id)
        into = new.id
    vendor.merge("contacts", other, into)
    return into


@pytest.mark.parametrize("anew", [False, True])
def test_two_links_that_meet_are_a_question(*, anew: bool) -> None:
    """Two linked records merged into one: nothing is decided, both twins are named, and neither is written."""
    with town_of(left=BURIES) as town:
        left, right = linked(town)
        other = another(town, 1)
        judge(town)
        twins = dict(partners(town, town.maps[0].key))
        before = [dict(row.fields) for row in rows(town, "con", "contacts")]
        merged(town, anew=anew, into=left.id, other=other.id)
        rest(town)
        assert partners(town, town.maps[0].key) == set(twins.items())
        assert [row.fields for row in rows(town, "con", "contacts")] == before
        assert any(twins[other.id] in reason and right.id in reason for reason in parked(town, "question"))


@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize("wrong", ["survivor's", "other's"])
def test_the_question_of_two_links_that_meet_says_how_to_answer_it(wrong: str, *, anew: bool) -> None:
    """One of the twins named is unlinked, as the sentence says: the survivor is linked with the other one."""
    with town_of(left=BURIES) as town:
        left, right = linked(town)
        other = another(town, 1)
        judge(town)
        theirs = dict(partners(town, town.maps[0].key))[other.id]
        survivor = merged(town, anew=anew, into=left.id, other=other.id)
        rest(town)
        reason, *_ = parked(town, "question")
        for twin in (right.id, theirs):
            assert f"`syncd unlink con:contacts:{twin}`" in reason and reason.endswith(", then `syncd retry`.")
        off, on = (right.id, theirs) if wrong == "survivor's" else (theirs, right.id)
        unlink(town.world, Ref("con", "contacts", off))
        with town.store.begin() as tx:
            tx.marks.retry(town.maps[0].key, town.stage.now)
        rest(town)
        assert partners(town, town.maps[0].key) == {(survivor, on)}
        assert parked(town, "question") == []


def test_a_survivor_that_goes_and_comes_back_answers_no_question() -> None:
    """Its own link closes with it and opens again with it: meanwhile, too, the other one asks which is right."""
    with town_of(left=BURIES) as town:
        left, right = linked(town)
        other = another(town, 1)
        judge(town)
        before = partners(town, town.maps[0].key)
        theirs = town.vendors["con"].rows["contacts"][dict(before)[other.id]]
        named = theirs.fields["name"]
        town.vendors["crm"].merge("contacts", other.id, left.id)
        rest(town)
        town.vendors["crm"].delete("contacts", left.id)
        rest(town)
        edit(town, "con", "contacts", theirs.id, {"tag": "vip"})
        rest(town)
        assert partners(town, town.maps[0].key) == {(other.id, theirs.id)}
        town.vendors["crm"].restore("contacts", left.id)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        rest(town)
        assert partners(town, town.maps[0].key) == before
        assert (right.fields["name"], theirs.fields["name"]) == ("Anna", named)
        assert len(parked(town, "question")) == 1


def test_a_link_that_ended_for_good_is_in_nobodys_way() -> None:
    """The survivor's twin was deleted long ago: the merged one brings it another, and nobody is asked."""
    with town_of(left=BURIES, right=BURIES) as town:
        left, right = linked(town)
        other = another(town, 1)
        judge(town)
        theirs = dict(partners(town, town.maps[0].key))[other.id]
        town.vendors["con"].delete("contacts", right.id)
        rest(town)
        assert partners(town, town.maps[0].key) == {(other.id, theirs)}
        town.vendors["crm"].merge("contacts", other.id, left.id)
        rest(town)
        assert partners(town, town.maps[0].key) == {(left.id, theirs)}
        assert parked(town, "question") == []


def test_a_link_whose_twin_went_over_to_another_is_in_nobodys_way() -> None:
    """A twin was linked by hand with the double of a deleted record; restored, that is merged with its double."""
    with town_of(left=BURIES) as town:
        left, right = linked(town)
        double = make(town, "crm", "contacts", {"email": "ann2@x.example", "name": "Ann", "tag": "cold"})
        judge(town)
        assert double is not None
        town.vendors["crm"].delete("contacts", left.id)
        rest(town)
        relink(town.world, Ref("con", "contacts", right.id), Ref("crm", "contacts", double.id))
        town.vendors["crm"].restore("contacts", left.id)
        rest(town)
        town.vendors["crm"].merge("contacts", double.id, left.id)
        rest(town)
        assert partners(town, town.maps[0].key) == {(left.id, right.id)}


def only(town: Town, leave: Leave, condition: str = "left.tag != 'cold'") -> None:
    """From now on the contacts' map is only for those of which this holds."""
    m = town.maps[0]
    text = CONTACTS % {"keys": "", "first_link": "left", "drift": "keep", "delete": "flag"}
    text = text.replace("lane: lead", f'only: "{condition}"\nleave: {leave}')
    schemas = {side: SCHEMAS[system]["contacts"] for side, system in SYSTEMS.items()}
    made = load(text, pair="pair", systems=SYSTEMS, schemas=schemas)
    assert made.leave is leave
    town.use(replace(m, only=made.only, leave=made.leave))


@pytest.mark.parametrize(("leave", "carried"), [(Leave.STOP, False), (Leave.KEEP, True)])
def test_what_leaves_the_filter_stops_or_goes_on(leave: Leave, carried: bool) -> None:
    """With `stop` the link stays and nothing flows until the record fits again; with `keep` it flows as before."""
    with town_of() as town:
        left, right = linked(town, tag="vip")
        only(town, leave)
        edit(town, "crm", "contacts", left.id, {"tag": "cold"})
        rest(town)
        edit(town, "con", "contacts", right.id, {"phone": "9"})
        rest(town)
        values = town.vendors["crm"].rows["contacts"][left.id].fields
        must((values["phone"] == "9") is carried, "what left the filter flowed, or what is kept did not")
        assert partners(town) == {(left.id, right.id)}
        edit(town, "crm", "contacts", left.id, {"tag": "warm"})
        judge(town)
        assert values["phone"] == "9"


def test_what_leaves_the_filter_is_unlinked_and_linked_again() -> None:
    """With `leave: unlink` a link closes when its record fits no more, and opens with its bases when it fits again."""
    with town_of() as town:
        left, right = linked(town, tag="vip")
        m = town.maps[0]
        only(town, Leave.UNLINK)
        edit(town, "crm", "contacts", left.id, {"tag": "cold"})
        rest(town)
        assert partners(town, m.key) == set()
        edit(town, "con", "contacts", right.id, {"phone": "9"})
        rest(town)
        assert town.vendors["crm"].rows["contacts"][left.id].fields["phone"] == "1"
        edit(town, "crm", "contacts", left.id, {"tag": "warm"})
        rest(town)
        assert partners(town, m.key) == {(left.id, right.id)}
        assert town.vendors["crm"].rows["contacts"][left.id].fields["phone"] == "9"


def test_a_twin_that_does_not_meet_the_filter_is_linked_when_it_does() -> None:
    """With `leave: unlink` who finds such a twin has no open link with it before that, whoever looks first."""
    with town_of() as town:
        m = town.maps[0]
        only(town, Leave.UNLINK)
        left = make(town, "crm", "contacts", {"email": "ann@x.example", "tag": "cold"})
        right = make(town, "con", "contacts", {"email": "ann@x.example", "phone": "9"})
        assert left is not None and right is not None
        rest(town)
        assert partners(town, m.key) == set()
        assert left.fields.get("phone") is None
        edit(town, "crm", "contacts", left.id, {"tag": "warm"})
        rest(town)
        assert partners(town, m.key) == {(left.id, right.id)}
        assert left.fields["phone"] == "9"


def test_a_child_is_released_when_its_parent_comes_to_meet_the_filter() -> None:
    """A deal pulls a contact that the map is not for, and waits; once it is, the contact goes across, and the deal."""
    with town_of() as town:
        only(town, Leave.STOP, "left.note != 'x'")
        judge(town)
        parent = make(town, "crm", "contacts", {"email": "p@x.example", "tag": "cold", "note": "x"})
        assert parent is not None
        make(town, "crm", "deals", {"title": "D", "stage": "won", "contact": parent.id})
        rest(town)
        assert rows(town, "con", "jobs") == []
        edit(town, "crm", "contacts", parent.id, {"note": "y"})
        rest(town)
        assert parked(town, "waiting") == []
        assert [row.fields["name"] for row in rows(town, "con", "jobs")] == ["D"]


def test_an_answer_from_before_the_deletion_brings_nothing_back() -> None:
    """A late answer of a read or write that was asked before the record went is doubted: a read by id decides."""
    with town_of(left=BURIES) as town:
        left, _ = linked(town)
        with town.store.read() as tx:
            late = tx.snapshots.get("crm", "contacts", [left.id])[left.id].record
        town.stage.now += timedelta(seconds=60)
        town.vendors["crm"].delete("contacts", left.id)
        for feed in (*FEEDS, *FEEDS):  # until the list of deleted records tells it no more
            town.stage.now += timedelta(seconds=30)
            read_feed(town, *feed)
        with town.store.begin() as tx:
            absorb(tx, town.world, [late], asked=())
        judge(town)
        must(partners(town) == set(), "a late answer brought a deleted record back")


def test_a_clock_that_ran_ahead_and_back_makes_nobody_ask_in_a_ring() -> None:
    """What was found gone an hour from now, by that clock, is there again when a read by id says so."""
    with town_of(right=Traits(skew=timedelta(hours=1))) as town:
        left, right = linked(town)
        con = town.vendors["con"]
        con.delete("contacts", right.id)
        hinted(town, "con", "contacts", right.id)
        rest(town)
        assert parked(town, "vanished") or parked(town, "unseen")
        con.traits = replace(con.traits, skew=timedelta(0))
        con.restore("contacts", right.id)
        edit(town, "crm", "contacts", left.id, {"phone": "7"})
        before = len(con.calls)
        for _ in range(30):
            read_feed(town, "crm", "contacts")
            Worker(town.world, town.maps[0]).step()
            town.stage.now += timedelta(seconds=10)
        assert len(con.calls) - before < 30
        assert right.fields["phone"] == "7"


def merge_unseen(town: Town, id: str, into: str, deal: Row) -> None:
    """A person merges two contacts, and the vendor goes on naming the old one in a deal."""
    town.vendors["crm"].merge("contacts", id, into)
    deal.fields["contact"] = id
    town.vendors["crm"].pending = [one for one in town.vendors["crm"].pending if one[2] != "deals"]


def test_who_waits_for_a_record_that_is_merged_goes_on_with_the_survivor() -> None:
    """A deal waits for a contact whose twin is not made yet; it is merged into a linked one: the job is that one's."""
    with town_of(left=BURIES) as town:
        left, right = linked(town)
        town.vendors["con"].faults += [("write", "later")] * 20
        late = make(town, "crm", "contacts", {"email": "two@x.example", "name": "Two"})
        assert late is not None
        deal = make(town, "crm", "deals", {"title": "D", "stage": "won", "contact": late.id})
        for _ in range(3):
            cycle(town)
        assert deal is not None and parked(town, "waiting")
        merge_unseen(town, late.id, left.id, deal)
        for _ in range(3):
            cycle(town)
        town.vendors["con"].faults.clear()
        rest(town)
        assert [row.fields["primary"] for row in rows(town, "con", "jobs")] == [right.id]
        assert parked(town, "waiting") == []


def test_who_names_a_merged_record_means_the_survivor() -> None:
    """A deal goes on naming a contact that was merged into another: its twin is the survivor's, at once."""
    with town_of(left=BURIES) as town:
        left, right = linked(town)
        survivor = make(town, "crm", "contacts", {"email": "two@x.example", "name": "Two", "tag": "cold"})
        deal = make(town, "crm", "deals", {"title": "D", "stage": "new", "contact": left.id})
        judge(town)
        assert survivor is not None and deal is not None
        merge_unseen(town, left.id, survivor.id, deal)
        rest(town)
        edit(town, "crm", "deals", deal.id, {"stage": "won"})
        rest(town)
        assert [row.fields["primary"] for row in rows(town, "con", "jobs")] == [right.id]
        assert parked(town, "waiting") == []


def test_a_parent_that_is_pulled_is_the_survivor() -> None:
    """A deal names a contact that was merged into one that nobody wanted: that one is carried for its sake."""
    with town_of(left=BURIES) as town:
        judge(town)
        first, survivor = (
            make(town, "crm", "contacts", {"email": f"{n}@x.example", "name": n, "tag": "cold"}) for n in ("A", "B")
        )
        assert first is not None and survivor is not None
        deal = make(town, "crm", "deals", {"title": "D", "stage": "new", "contact": first.id})
        rest(town)
        assert deal is not None
        merge_unseen(town, first.id, survivor.id, deal)
        rest(town)
        edit(town, "crm", "deals", deal.id, {"stage": "won"})
        rest(town)
        assert [row.fields["name"] for row in rows(town, "con", "contacts")] == ["B"]
        (job,) = rows(town, "con", "jobs")
        assert partners(town) == {(survivor.id, job.fields["primary"])}


@pytest.mark.parametrize("both", [False, True])
def test_a_merge_into_what_nobody_read_before_it_was_deleted_ends_the_link(*, both: bool) -> None:
    """The link goes on with the survivor and finds it gone, whether or not the record on the other side is there."""
    with town_of() as town:
        left, right = linked(town)
        other = make(town, "con", "contacts", {"email": "bea@x.example", "name": "Bea"})
        assert other is not None
        doings.merge(town, "con", "contacts", right.id, other.id)
        with town.store.begin() as tx:  # a list that lags tells of the merge, and not yet of the survivor
            merged = Gone(ref=Ref("con", "contacts", right.id), became=(other.id,))
            absorb(tx, town.world, [merged], asked=())
        doings.delete(town, "con", "contacts", other.id)
        if both:
            doings.delete(town, "crm", "contacts", left.id)
        for number in range(3):  # as there are others, absence is no missing permission
            make(town, "crm", "contacts", {"email": f"more{number}@x.example", "name": f"More {number}"})
        judge(town)
        assert parked(town, "bug") == []
        assert (left.id, other.id) not in partners(town)


@pytest.mark.parametrize("parted", ["lost", "kept"])
def test_a_survivor_waits_for_the_question_about_its_link_and_no_longer(parted: str) -> None:
    """One record of a link was merged into a linked one, the other into a new one; that goes on when it is decided."""
    with town_of() as town:
        left, right = linked(town)
        other = make(town, "crm", "contacts", {"email": "bea@x.example", "name": "Bea"})
        judge(town)
        new = make(town, "con", "contacts", {"email": "cy@x.example", "name": "Cy"})
        assert other is not None and new is not None
        twin = dict(partners(town))[other.id]
        doings.merge(town, "crm", "contacts", left.id, other.id)
        doings.merge(town, "con", "contacts", right.id, new.id)
        judge(town)
        assert any("was merged into it" in reason for reason in parked(town, "waiting"))
        unlink(town.world, Ref("crm", "contacts", left.id if parted == "lost" else other.id))
        with town.store.begin() as tx:
            tx.marks.retry(None, town.world.clock(), causes=["question"])
        rest(town)
        assert parked(town, "waiting") == []
        if parted == "kept":
            assert (other.id, new.id) in partners(town)
        else:
            assert (other.id, twin) in partners(town)


@pytest.mark.parametrize("key", [False, True], ids=["no key", "key"])
def test_what_was_merged_into_the_answer_of_an_open_creation_waits_for_it(*, key: bool) -> None:
    """A linked record is merged into one that we just made, unanswered: two links meet, and nobody is made again."""
    with town_of(right=Traits(sync_key=key, maker=False)) as town:
        left, right = linked(town)
        con = town.vendors["con"]
        fresh = make(town, "crm", "contacts", {"email": "bo@x.example", "name": "Bo"})
        con.faults.append(("write", "lost"))
        town.stage.now += timedelta(seconds=60)
        cycle(town, wait=0)
        (made,) = (row for row in rows(town, "con", "contacts") if row.id != right.id)
        con.merge("contacts", right.id, made.id)
        judge(town)
        assert fresh is not None and (fresh.id, made.id) in partners(town)
        assert [row.id for row in rows(town, "con", "contacts")] == [made.id]
        (reason,) = parked(town, "question")
        assert left.id in reason and fresh.id in reason
