"""The comparison sees what was broken behind syncd's back, and nothing where nothing was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from syncd.core.model import Side
from syncd.engine.planning import lost_row
from syncd.lab.claims import Claims
from syncd.lab.crm import HUBSPOT
from syncd.lab.own import RIGHT_KEY
from syncd.lab.stage import Stage
from syncd.lab.wire import id_of
from syncd.store.links import Link
from syncd.store.marks import PARKED
from tests.lab.conftest import Scene

CONTACTS, DEALS = "sales/contacts", "sales/deals-jobs"
FIELDS = ("dealname", "dealstage", "claim_number")


def links(scene: Scene, key: str) -> list[Link]:
    """The open links of a map."""
    return Claims.read(scene.world).links[key]


def made_by_us(stage: Stage, body: dict[str, Any]) -> str:
    """A contact that the right side was told to make by API; its id."""
    headers = {"authorization": f"Bearer {RIGHT_KEY}"}
    answer = httpx.post(f"{stage.right.url}/api1/contacts", json=body, headers=headers, trust_env=False)
    return str(answer.raise_for_status().json()["jnid"])


def test_two_synced_sides_are_clean(scene: Scene) -> None:
    """After a sync nothing is different, double or missing, and much was compared to know that."""
    assert scene.clean.clean, scene.clean
    assert scene.clean.counts["links contacts"] >= 40
    assert scene.clean.counts["links deals-jobs"] >= 20
    assert scene.clean.counts["rules compared"] > 800


def test_a_changed_value_is_a_difference(scene: Scene) -> None:
    """An edit that was not carried across is named by records, rule and both values."""
    link = links(scene, CONTACTS)[3]
    scene.stage.right.act("update", "contacts", id=link.right_id, fields={"city": "Elsewhere"})
    (found,) = [one for one in scene.look().differences if one.right == link.right_id]
    assert (found.map, found.rule, found.right_value) == (CONTACTS, "city", "Elsewhere")
    assert found.left_value not in (None, "Elsewhere")


def test_a_value_without_a_counterpart_that_the_map_skips_is_explained(scene: Scene) -> None:
    """An owner whom the other side does not know stays where he is; the one who is known there must have crossed."""
    skipped = "explained: no counterpart, skipped by the map"
    owner = {id_of(row): row["properties"]["hubspot_owner_id"] for row in scene.stage.left.records("deals")}
    link = next(link for link in links(scene, DEALS) if owner[link.left_id] == "74100101")
    before = scene.look()
    scene.stage.left.act("update", "deals", id=link.left_id, fields={"hubspot_owner_id": "74100105"})
    after = scene.look()
    assert after.differences == before.differences
    assert after.counts[skipped] == before.counts[skipped] + 1


def test_another_contact_is_a_difference(scene: Scene) -> None:
    """A job that hangs on somebody else's contact is found by its relation."""
    strangers = [link.right_id for link in links(scene, CONTACTS)]
    link = links(scene, DEALS)[0]
    before = {id_of(row): row for row in scene.stage.right.records("jobs")}[link.right_id]["primary"]["id"]
    other = next(id_ for id_ in strangers if id_ != before)
    scene.stage.right.act("update", "jobs", id=link.right_id, fields={"primary": {"id": other}})
    found = [one for one in scene.look().differences if one.right == link.right_id]
    assert [one.right_value for one in found if one.rule.startswith("contact")] == [other]


def test_a_deleted_record_is_a_difference(scene: Scene) -> None:
    """An open link to a record that is gone is not equal to anything."""
    link = links(scene, DEALS)[2]
    scene.stage.left.act("archive", "deals", id=link.left_id)
    (found,) = [one for one in scene.look().differences if one.left == link.left_id]
    assert found.why == "the left record is gone, and the link is open"


def test_a_record_of_ours_without_a_link_is_a_duplicate(scene: Scene) -> None:
    """What was made by API and is linked with nobody is somebody's second copy."""
    made = made_by_us(scene.stage, {"display_name": "Second Copy", "record_type_name": "Customer"})
    found = [one for one in scene.look().duplicates if one.ref.endswith(made)]
    assert [one.why for one in found] == ["was made by syncd, and nothing is linked with it"]


def test_two_records_with_one_key_are_duplicates(scene: Scene) -> None:
    """A sync key that two living records carry is told with both ids."""
    keyed = {id_of(row) for row in scene.stage.right.records("contacts") if row.get("cf_string_1")}
    link = next(link for link in links(scene, CONTACTS) if link.right_id in keyed)
    made = made_by_us(scene.stage, {"display_name": "Twin Copy", "CRM ID": f"hubspot:contacts:{link.left_id}"})
    found = [one for one in scene.look().duplicates if "carries" in one.why and link.left_id in one.why]
    assert len(found) == 1
    assert made in f"{found[0].ref} {found[0].why}"


def test_a_lead_that_did_not_cross_is_missing(scene: Scene) -> None:
    """A record that meets the map's condition and has no twin is lost; one that does not meet it is at home."""
    left = scene.stage.left
    lead, reader = (
        left.act("create", "contacts", fields={"email": f"{word}@example.com", "lifecyclestage": word})["id"]
        for word in ("lead", "subscriber")
    )
    found = {one.ref: one.why for one in scene.look().missing}
    assert found[f"hubspot:contacts:{lead}"] == "meets the map's condition, and has no twin"
    assert f"hubspot:contacts:{reader}" not in found


def test_a_parent_that_was_not_pulled_is_missing(scene: Scene) -> None:
    """A contact whose deal is linked has to be linked too, although its own condition says no."""
    left, link = scene.stage.left, links(scene, DEALS)[4]
    fields = {"email": "r@example.com", "lifecyclestage": "subscriber"}
    reader = str(left.act("create", "contacts", fields=fields)["id"])
    assert not [one for one in scene.look().missing if one.ref.endswith(reader)]
    (deal,) = [row for row in left.records("deals") if id_of(row) == link.left_id]
    parent = str(deal["associations"]["contacts"][0])
    left.act("disassociate", "deals", id=link.left_id, to_kind="contacts", to_id=parent)
    left.act("associate", "deals", id=link.left_id, to_kind="contacts", to_id=reader)
    found = {one.ref: one.why for one in scene.look().missing}
    assert found[f"hubspot:contacts:{reader}"] == "is pulled by a linked child, and has no twin"
    (rule,) = (rule.name for rule in scene.world.maps[DEALS].rules if rule.relation is not None)
    row = lost_row(DEALS, link.id, (link.left_id, link.right_id), rule, (reader, parent), "open", reason="a test",
                   run=None, at=scene.world.clock())  # fmt: skip
    with scene.world.store.begin() as tx:
        tx.conflicts.ask(row)
    asked = [one.ref for one in scene.look().missing if one.ref.endswith(reader)]
    with scene.world.store.begin() as tx:
        tx.conflicts.settle([one.id for one in tx.conflicts.list(states=["open"], rule=rule)], "agreed", row["at"])
    assert asked == [], "a person is asked whether the child points at it"


def test_a_closed_link_is_known(scene: Scene) -> None:
    """Records whose link was closed are neither missing nor double: nobody but a person links them again."""
    link = links(scene, CONTACTS)[7]
    with scene.world.store.begin() as tx:
        tx.links.close(link.id, "a test", scene.world.clock())
    found = scene.look()
    told = [one.ref for one in (*found.missing, *found.duplicates)]
    assert not [ref for ref in told if ref.endswith((link.left_id, link.right_id))]


def test_what_stands_on_a_list_is_explained_and_only_that(scene: Scene) -> None:
    """An open conflict explains its two values; taken off the list they are a difference."""
    with scene.world.store.begin() as tx:
        listed = tx.conflicts.list(states=["open"])
        assert listed
        assert scene.clean.counts["explained: listed as open"] == len(listed)
        tx.conflicts.settle([listed[0].id], "agreed", scene.world.clock())
    found = [one for one in scene.look().differences if one.left == listed[0].left_id and one.rule == listed[0].rule]
    assert [(one.left_value, one.right_value) for one in found] == [(listed[0].left, listed[0].right)]


@contextmanager
def parked(scene: Scene, link: Link, cause: str) -> Iterator[None]:
    """The left record of a deal's link is parked meanwhile, and its claim number is a field that did not come."""
    now, fence, place = scene.world.clock(), 3_000_000, (HUBSPOT.name, "deals", [link.left_id])
    with scene.world.store.begin() as tx:
        tx.marks.add(DEALS, Side.LEFT, [link.left_id], now)
        tx.marks.claim(DEALS, now, now + timedelta(minutes=1), fence, limit=1000)
        mark = tx.marks.get(DEALS, Side.LEFT, [link.left_id])[link.left_id]
        parent = "hubspot:contacts:0" if cause == "waiting" else None
        assert tx.marks.rest(mark, fence, PARKED, cause=cause, reason="a test", waits_for=parent)
        snapshot = tx.snapshots.get(*place)[link.left_id]
        tx.snapshots.put([replace(snapshot, missing=("claim_number",))])
    try:
        yield
    finally:
        with scene.world.store.begin() as tx:
            assert tx.marks.done([mark], fence)
            tx.marks.release(fence)
            tx.snapshots.put([snapshot])


@pytest.mark.parametrize(
    ("cause", "told", "stops"),
    [("question", set(), set()), ("later", {"dealname"}, set()), ("unmapped", {"dealname"}, {"dealstage"}),
     ("drift", {"dealname"}, {"claim_number", "dealstage"}), ("waiting", {"dealname"}, {"contacts"})],
)  # fmt: skip
def test_a_mark_explains_only_what_it_stops(scene: Scene, cause: str, told: set[str], stops: set[str]) -> None:
    """A question stops a whole record, other causes fields; a missing one beside others names all. Trying is none."""
    link, right = links(scene, DEALS)[6], scene.stage.right
    (name,) = (row["name"] for row in right.records("jobs") if row["jnid"] == link.right_id)
    right.act("update", "jobs", id=link.right_id, fields={"name": f"Elsewhere {cause}"})
    with parked(scene, link, cause):
        assert {one.rule for one in scene.look().differences if one.left == link.left_id} == told
        claims, m = Claims.read(scene.world), scene.world.maps[DEALS]
        assert claims.parked(m, link.left_id, link.right_id) is (cause == "question")
        rules = [rule for rule in m.rules if rule.name in FIELDS or rule.relation is not None]
        found = [rule for rule in rules if claims.stops(m, link.left_id, link.right_id, rule, ("nowhere", "Sold"))]
        assert {rule.name if rule.relation is None else "contacts" for rule in found} == stops
    right.act("update", "jobs", id=link.right_id, fields={"name": name})


def test_looking_leaves_the_rate_limits_as_they_were(scene: Scene) -> None:
    """The vendors' limits are lifted for the look only."""
    scene.look()
    assert {vendor.settings()["rate"] for vendor in scene.stage.vendors.values()} == {"1000/1"}
