"""A lead that is converted amid edits, judged by the laws: what the conversion carried along nobody typed anew.

What is not here: the plays that convert leads by chance (`test_prove`, `test_killed`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from syncd.app import App
from syncd.core.model import Side
from syncd.lab.crm import SALESFORCE
from syncd.lab.histories import BY_SYNCD
from syncd.lab.laws import Laws
from syncd.lab.people import HAND
from syncd.lab.play import TIMING
from syncd.lab.stage import Stage
from syncd.store.links import Link


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, App]]:
    """Some leads of Salesforce, synced and quiet."""
    folder = tmp_path_factory.mktemp("heirs")
    with (
        Stage(
            folder=folder, crm=SALESFORCE, leads=20, rate="100/1", timing=TIMING, right_settings={"index_lag": 0.0}
        ) as stage,
        App.open(stage.config, environ=stage.environ) as app,
    ):
        app.once()
        assert Laws(app.world, stage.vendors).check() == []
        yield stage, app


def handed_over(place: tuple[Stage, App], nth: int) -> Link:
    """A lead whose twin syncd made; no two tests have the same."""
    stage, app = place
    with app.store.read() as tx:
        links = tx.links.all("sales/leads")
    return [one for one in links if stage.right.history("contacts", one.right_id)[0]["via"] == BY_SYNCD][nth]


def test_what_came_across_before_the_conversion_is_no_edit_of_the_contact(place: tuple[Stage, App]) -> None:
    """Typed on the right, written to the lead, typed anew on the right, and only then was the lead converted."""
    (stage, app), link = place, handed_over(place, 0)
    stage.right.act("update", "contacts", id=link.right_id, fields={"last_name": "Underhill"}, as_=HAND)
    app.once()
    stage.right.act("update", "contacts", id=link.right_id, fields={"last_name": "Overhill"}, as_=HAND)
    made = stage.left.act("convert", "Lead", id=link.left_id, as_=SALESFORCE.hand)
    app.once()
    rows = {row["Id"]: row for row in stage.left.records("Contact")}
    assert rows[made["contact"]]["LastName"] == "Overhill"
    laws = Laws(app.world, stage.vendors)
    assert laws.check() == []
    contacts = app.world.maps["sales/contacts"]
    rule = next(rule for rule in contacts.rules if rule.left == "LastName")
    plain = laws.histories.moments(contacts, Side.LEFT, made["contact"], "LastName")
    told = laws.heirs.moments(contacts, Side.LEFT, made["contact"], rule)
    assert [(one.value, one.via) for one in plain] == [(None, ""), ("Underhill", "person"), ("Overhill", "api")]
    assert [(one.value, one.via) for one in told] == [(None, ""), ("Underhill", "api"), ("Overhill", "api")]


@pytest.mark.parametrize("typed", [None, "Dover"])
def test_what_somebody_replaced_on_the_lead_before_its_conversion_is_no_lost_edit(
    place: tuple[Stage, App], typed: str | None
) -> None:
    """Typed on the right and carried to the lead; cleared or typed over there, which the contact carries across."""
    (stage, app), link = place, handed_over(place, 0)
    stage.right.act("update", "contacts", id=link.right_id, fields={"city": "Underhill"}, as_=HAND)
    app.once()
    stage.left.act("update", "Lead", id=link.left_id, fields={"City": typed}, as_=SALESFORCE.hand)
    made = stage.left.act("convert", "Lead", id=link.left_id, as_=SALESFORCE.hand)
    app.once()
    rows = {row["Id"]: row for row in stage.left.records("Contact")}
    twins = {row["jnid"]: row for row in stage.right.records("contacts")}
    assert rows[made["contact"]]["MailingCity"] == typed == (twins[link.right_id]["city"] or None)
    assert Laws(app.world, stage.vendors).check() == []


def test_what_a_merge_of_leads_replaced_before_one_was_converted_is_no_lost_edit(place: tuple[Stage, App]) -> None:
    """Typed on the right and carried to a lead; that is merged into another one, which is converted at once."""
    (stage, app), link = place, handed_over(place, 0)
    stage.right.act("update", "contacts", id=link.right_id, fields={"city": "Underhill"}, as_=HAND)
    app.once()
    fields = {"LastName": "Newcomer", "Company": "Newcomer Household", "City": "Overhill"}
    other = stage.left.act("create", "Lead", fields=fields, as_=SALESFORCE.hand)
    stage.left.act("merge", "Lead", id=link.left_id, into=other["id"], as_=SALESFORCE.hand)
    stage.left.act("convert", "Lead", id=other["id"], as_=SALESFORCE.hand)
    app.once()
    app.once()
    rows = {row["jnid"]: row for row in stage.right.records("contacts")}
    assert rows[link.right_id]["city"] == "Overhill"
    assert Laws(app.world, stage.vendors).check() == []


def test_what_a_lead_held_that_is_gone_by_now_is_no_edit_of_the_contact(
    place: tuple[Stage, App], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed over on the right alone; the lead is converted and deleted before that is read: its value gives way."""
    monkeypatch.setattr("syncd.lab.laws.WINDOW", timedelta(0))
    (stage, app), link = place, handed_over(place, 0)
    time.sleep(2.5)  # longer than a conversion takes
    stage.right.act("update", "contacts", id=link.right_id, fields={"city": "Underhill"}, as_=HAND)
    made = stage.left.act("convert", "Lead", id=link.left_id, as_=SALESFORCE.hand)
    stage.left.act("archive", "Lead", id=link.left_id, as_=SALESFORCE.hand)
    app.once()
    rows = {row["Id"]: row for row in stage.left.records("Contact")}
    assert rows[made["contact"]]["MailingCity"] == "Underhill"
    assert Laws(app.world, stage.vendors).check() == []


def test_what_a_merge_of_contacts_replaced_is_not_the_closed_lead_s_to_answer_for(place: tuple[Stage, App]) -> None:
    """Typed on the right and carried to the contact that the lead became; then that is merged into another contact."""
    (stage, app), link = place, handed_over(place, 0)
    made = stage.left.act("convert", "Lead", id=link.left_id, as_=SALESFORCE.hand)
    app.once()
    stage.right.act("update", "contacts", id=link.right_id, fields={"city": "Underhill"}, as_=HAND)
    app.once()
    fields = {"FirstName": "Zoe", "LastName": "Newcomer", "MailingCity": "Overhill"}
    other = stage.left.act("create", "Contact", fields=fields, as_=SALESFORCE.hand)
    stage.left.act("merge", "Contact", id=made["contact"], into=other["id"], as_=SALESFORCE.hand)
    app.once()
    app.once()
    rows = {row["jnid"]: row for row in stage.right.records("contacts")}
    assert rows[link.right_id]["city"] == "Overhill"
    assert Laws(app.world, stage.vendors).check() == []
