"""The files of a record in HubSpot: against its sandbox, and against odd answers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from syncd.core.model import File
from syncd.errors import AuthError, Refused, Transient
from syncd.kit.careful import Careful
from syncd.kit.connector import FILES, Severity
from syncd_hubspot import HubSpot
from syncd_hubspot.files import NOTES
from tests.connectors.test_hubspot_connector_odd import Answer, Vendor, hubspot, vendor
from tests.connectors.test_hubspot_connector_ways import World, connect, world

__all__ = ["hubspot", "vendor", "world"]

TIES, READ = "/crm/associations/2026-03/contacts/notes/batch/read", "/crm/objects/2026-03/notes/batch/read"
CONTACTS = ["crm.objects.contacts.read", "crm.objects.deals.read"]


def attach(world: World, id: str, name: str, kind: str = "contacts") -> dict[str, Any]:
    """A colleague puts a file on the record; a second passes."""
    made: dict[str, Any] = world.remote.act("attach", kind, id=id, fields={"name": name, "size": 7})
    world.remote.advance(1)
    return made


def note(world: World, id: str, **fields: str) -> str:
    """A colleague writes a note, with these properties."""
    given = {"hs_timestamp": "2026-03-01T12:00:00Z", **fields}
    return str(world.remote.act("create", "notes", fields=given, associate={"contacts": [id]})["id"])


def names(found: Sequence[File]) -> list[str]:
    return [one.name for one in found]


def test_each_file_costs_a_request_and_the_notes_one(world: World) -> None:
    """Associations, notes, then each file: in the version of the set-up, and nothing that is not documented."""
    one = world.contact(1)
    file = attach(world, one, "plan.pdf")
    note(world, one, hs_note_body="nothing attached")
    before = world.remote.mark()
    with closing(connect(world.url, version="2026-09")) as later:
        (plan,) = later.files("contacts", one)
    assert (plan.name, plan.size, plan.who, plan.about) == ("plan.pdf", 7, None, None)
    asked = world.remote.requests(before)
    ties, read = TIES.replace("2026-03", "2026-09"), READ.replace("2026-03", "2026-09")
    assert [entry["path"] for entry in asked] == [ties, read, f"/files/2026-09/files/{file['id']}"]
    assert set(asked[1]["body"]) == {"inputs", "properties"}
    assert asked[1]["body"]["properties"] == ["hs_attachment_ids", "hs_timestamp"]


@pytest.mark.parametrize("scopes", [["files"], ["files.read"]])
def test_either_scope_of_files_is_enough(world: World, scopes: list[str]) -> None:
    """Beside that of contacts, which opens notes."""
    one = world.contact(1)
    attach(world, one, "plan.pdf")
    world.remote.act("token", token="some", scopes=[*CONTACTS, *scopes])
    with closing(connect(world.url, token="some")) as some:
        assert names(some.files("contacts", one)) == ["plan.pdf"]


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [(CONTACTS, "files, files.read"), (["crm.objects.deals.read", "files"], "crm.objects.contacts.read")],
)
def test_a_missing_scope_is_told_by_name(world: World, scopes: list[str], missing: str) -> None:
    """Notes of deals take the scope of contacts, too."""
    deal = world.deal(1)
    attach(world, deal, "plan.pdf", "deals")
    world.remote.act("token", token="narrow", scopes=scopes)
    with closing(connect(world.url, token="narrow")) as narrow, pytest.raises(AuthError, match=missing) as caught:
        narrow.files("deals", deal)
    assert caught.value.permission == missing


def test_check_does_not_ask_for_the_scope_of_files(world: World) -> None:
    """Listing files is nothing that a sync needs."""
    scopes = [*CONTACTS, "crm.objects.owners.read", "crm.schemas.contacts.read", "crm.schemas.deals.read"]
    world.remote.act("token", token="plain", scopes=scopes)
    with closing(connect(world.url, token="plain")) as plain:
        assert {one.severity for one in plain.check()} == {Severity.OK}


def test_a_deleted_file_and_one_without_a_note_are_left_out(world: World) -> None:
    """A note goes on naming a file that is gone; an archived note answers no more."""
    one = world.contact(1)
    gone, unnoted, _ = (attach(world, one, name) for name in ("gone.pdf", "unnoted.pdf", "here.pdf"))
    world.remote.act("file_delete", id=gone["id"])
    world.remote.act("archive", "notes", id=unnoted["note"])
    assert names(world.hubspot.files("contacts", one)) == ["here.pdf"]


def test_files_follow_a_merge(world: World) -> None:
    """The new record has those of both, each once, however many notes name it."""
    one, two = world.contact(1), world.contact(2)
    first = attach(world, one, "one.pdf")["id"]
    second = attach(world, two, "two.pdf")["id"]
    note(world, two, hs_attachment_ids=f"{first}; {second};")
    new = world.remote.act("merge", "contacts", id=one, other=two)["id"]
    assert names(world.hubspot.files("contacts", new)) == ["two.pdf", "one.pdf"]


def test_every_page_of_notes_is_read(world: World) -> None:
    """Small pages of associations, more notes than a batch, one file on the oldest and one on the newest of them."""
    world.remote.settings(association_page=30)
    one = world.contact(1)
    attach(world, one, "oldest.pdf")
    orders = [{"fields": {"hs_timestamp": "2026-03-01T12:00:00Z"}, "associate": {"contacts": [one]}}] * 128
    world.remote.acts("create", "notes", orders)
    attach(world, one, "newest.pdf")
    before = world.remote.mark()
    assert names(world.hubspot.files("contacts", one)) == ["newest.pdf", "oldest.pdf"]
    paths = [entry["path"] for entry in world.remote.requests(before)]
    assert (paths.count(TIES), paths.count(READ)) == (5, 2)


@pytest.mark.parametrize("answer", ["missing", "error"])
def test_no_notes_cost_one_request(world: World, answer: str) -> None:
    """However HubSpot says that there are none."""
    world.remote.settings(no_associations=answer)
    one = world.contact(1)
    before = world.remote.mark()
    assert list(world.hubspot.files("contacts", one)) == []
    assert len(world.remote.requests(before)) == 1


def tied(*ids: object, **more: Any) -> Answer:
    return 200, {"results": [{"from": {"id": "1"}, "to": [{"toObjectId": one} for one in ids], **more}]}


def notes(*rows: Any) -> Answer:
    return 200, {"results": [{"id": str(n), "properties": row} for n, row in enumerate(rows, 1)]}


def on(vendor: Vendor, ties: Answer, read: Answer | None = None, **files: Answer) -> None:
    """Script the record's notes and their files, `f7` for the file 7."""
    vendor.on(TIES, lambda _: ties)
    vendor.on(READ, lambda _: read or notes())
    for name, answer in files.items():
        vendor.on(f"/files/2026-03/files/{name[1:]}", partial(_always, answer))


def _always(answer: Answer, _asked: object) -> Answer:
    return answer


def at(day: int) -> str:
    return f"2026-03-{day:02}T12:00:00.000Z"


def test_the_files_time_counts_and_else_the_notes(vendor: Vendor, hubspot: HubSpot) -> None:
    """Newest first by that; without either a file comes last. A name is completed, and an odd value is none."""
    on(
        vendor, tied(1, "2", 3), notes(
            {"hs_attachment_ids": "11;12", "hs_timestamp": at(5)},
            {"hs_attachment_ids": 13, "hs_timestamp": "1772798400000"},
            {"hs_attachment_ids": "14; ;x;15;12", "hs_timestamp": ["soon"]},
        ),
        f11=(200, {"id": "11", "name": "plan", "extension": "pdf", "size": 5, "createdAt": at(9), "type": "DOCUMENT"}),
        f12=(200, {"id": "12", "name": "Roof.JPG", "extension": "jpg", "size": "5", "createdAt": None}),
        f13=(200, {"id": "13", "name": "v1.2", "extension": ".docx", "size": True, "createdAt": 5, "type": ["IMG"]}),
        f14=(200, {"id": "14", "name": None, "extension": "pdf", "size": -1}),
        f15=(200, {"id": "15", "name": "deleted.pdf", "archived": True}),
    )  # fmt: skip
    assert list(hubspot.files("contacts", "1")) == [
        File(name="plan.pdf", size=5, added_at=datetime(2026, 3, 9, 12, tzinfo=UTC), about="DOCUMENT"),
        File(name="v1.2.docx", added_at=datetime(2026, 3, 6, 12, tzinfo=UTC)),
        File(name="Roof.JPG", added_at=datetime(2026, 3, 5, 12, tzinfo=UTC)),
        File(name="14.pdf"),
    ]


def test_a_file_that_nobody_shows_is_left_out(vendor: Vendor, hubspot: HubSpot) -> None:
    """404, or a 403 that names no scope: hidden from the key."""
    on(
        vendor, tied(1), notes({"hs_attachment_ids": "11;12;13", "hs_timestamp": at(5)}),
        f12=(403, {"message": "You do not have permissions to view this object."}), f13=(200, {"name": "here.pdf"}),
    )  # fmt: skip
    assert names(hubspot.files("contacts", "1")) == ["here.pdf"]


@pytest.mark.parametrize("status", [403, 404])
def test_a_record_that_does_not_answer_has_no_files(vendor: Vendor, hubspot: HubSpot, status: int) -> None:
    """Nor has what cannot be an id, of which nobody is asked."""
    on(vendor, (status, {"message": "no"}))
    assert list(hubspot.files("contacts", "1")) == []
    assert list(hubspot.files("contacts", "../owners")) == []
    assert [path for _, path, _ in vendor.asked] == [TIES]


@pytest.mark.parametrize("properties", [None, {}, {"hs_attachment_ids": None}, {"hs_attachment_ids": ["11"]}])
def test_notes_without_attachments_are_passed_over(vendor: Vendor, hubspot: HubSpot, properties: Any) -> None:
    """Whatever stands there instead."""
    on(vendor, tied(1, None, "x"), notes(properties, {"hs_attachment_ids": "13", "hs_timestamp": at(5)}),
       f13=(200, {"name": "here.pdf"}))  # fmt: skip
    assert names(hubspot.files("contacts", "1")) == ["here.pdf"]
    assert [body["inputs"] for body in vendor.calls(READ)] == [[{"id": "1"}]]


@pytest.mark.parametrize(
    ("ties", "read", "file"),
    [
        ((200, {"results": None}), notes(), (200, {})),
        ((200, {"results": [{"from": {"id": "1"}, "to": None}]}), notes(), (200, {})),
        ((200, {"results": [{"from": {"id": "1"}, "to": "12"}]}), notes(), (200, {})),
        ((200, {"results": [{"from": {"id": "1"}, "to": [None]}]}), notes(), (200, {})),
        (tied(1, paging=["next"]), notes(), (200, {})),
        (tied(1), (200, "nothing"), (200, {})),
        (tied(1), notes(["hs_attachment_ids"]), (200, {})),
        (tied(1), notes({"hs_attachment_ids": "11"}), (200, ["plan.pdf"])),
        (tied(1), notes({"hs_attachment_ids": "11"}), (200, None)),
    ],
)
def test_what_cannot_be_understood_is_not_taken_for_no_files(
    vendor: Vendor, hubspot: HubSpot, ties: Answer, read: Answer, file: Answer
) -> None:
    """It is told in our own words, never a crash."""
    on(vendor, ties, read, f11=file)
    with pytest.raises((Refused, Transient)):
        Careful(hubspot).files("contacts", "1")


def test_another_refusal_is_told(vendor: Vendor, hubspot: HubSpot) -> None:
    """A 400 says nothing of files, neither at the notes nor at a file."""
    on(vendor, (400, {"message": "no such thing"}))
    with pytest.raises(Refused, match="no such thing"):
        hubspot.files("contacts", "1")
    on(vendor, tied(1), notes({"hs_attachment_ids": "11"}), f11=(400, {"message": "bad file"}))
    with pytest.raises(Refused, match="bad file"):
        hubspot.files("contacts", "1")


def test_pages_without_end_end(vendor: Vendor, hubspot: HubSpot) -> None:
    """A server that always has a further page; more notes than are read; more files than are listed."""
    many = range(1, NOTES + 51)
    vendor.on(TIES, lambda _: tied(*many, paging={"next": {"after": "7"}}))
    vendor.on(READ, lambda body: (200, {"results": [
        {"id": one["id"], "properties": {"hs_attachment_ids": one["id"], "hs_timestamp": at(1)}}
        for one in body["inputs"]
    ]}))  # fmt: skip
    for one in range(NOTES + 51 - FILES, NOTES + 51):
        vendor.on(f"/files/{one}", lambda _: (200, {"name": "a.pdf"}))
    assert len(hubspot.files("contacts", "1")) == FILES
    inputs = [int(one["id"]) for body in vendor.calls(READ) for one in body["inputs"]]
    assert (min(inputs), max(inputs), len(inputs)) == (51, NOTES + 50, NOTES)
    assert len(vendor.calls(TIES)) == 20
    assert [body["inputs"] for body in vendor.calls(TIES)][1] == [{"id": "1", "after": "7"}]
