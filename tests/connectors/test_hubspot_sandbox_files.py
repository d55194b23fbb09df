"""Files in the HubSpot sandbox: notes that carry them, their details, and the scopes of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from syncd.kit.control import ControlError
from tests.connectors.hubspot_sandbox_desk import Desk, desk

DANA = "dana.reyes@example.com"


@pytest.fixture
def hs() -> Iterator[Desk]:
    with desk() as made:
        yield made


def attach(hs: Desk, id: str, name: str = "roof plan.pdf", kind: str = "contacts") -> dict[str, Any]:
    made: dict[str, Any] = hs.sim.act("attach", kind, id=id, fields={"name": name, "size": 4711}, as_=DANA)
    return made


@pytest.mark.parametrize(("kind", "type_id"), [("contacts", 201), ("deals", 213)])
def test_a_person_attaches_by_a_note(hs: Desk, kind: str, type_id: int) -> None:
    """The record leads to the note, the note to the file; HubSpot tells name and extension apart."""
    one = hs.contact(lastname="Ng") if kind == "contacts" else hs.deal()
    made = attach(hs, one, kind=kind)
    (tie,) = hs.get(f"{kind}/{one}/associations/notes")["results"]
    types = [{"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": None}]
    assert tie == {"toObjectId": int(made["note"]), "associationTypes": types}
    note = hs.get(f"notes/{made['note']}", properties="hs_attachment_ids,hs_timestamp")
    assert set(note["properties"]) == {
        "hs_attachment_ids", "hs_timestamp", "hs_object_id", "hs_createdate", "hs_lastmodifieddate",
    }  # fmt: skip
    assert note["properties"]["hs_attachment_ids"] == made["id"]
    assert note["createdAt"] == note["properties"]["hs_createdate"]
    file = hs.get(f"/files/2026-03/files/{made['id']}")
    assert (file["id"], file["name"], file["extension"], file["size"]) == (made["id"], "roof plan", "pdf", 4711)
    assert file["createdAt"].endswith("Z")
    assert hs.sim.history("notes", made["note"])[0]["by"] == DANA


def test_a_name_without_an_ending_has_no_extension(hs: Desk) -> None:
    """A leading dot begins none."""
    one = hs.contact(lastname="Ng")
    for name in ("README", ".profile"):
        file = hs.get(f"/files/v3/files/{attach(hs, one, name)['id']}")
        assert (file["name"] in name, "extension" in file) == (True, False)


def test_a_batch_reads_notes_and_names_the_missing(hs: Desk) -> None:
    """As of any other kind."""
    made = attach(hs, hs.contact(lastname="Ng"))
    answer = hs.batch("notes", "read", [{"id": made["note"]}, {"id": "5"}], properties=["hs_attachment_ids"])
    assert answer.status_code == 207
    assert [row["properties"]["hs_attachment_ids"] for row in answer.json()["results"]] == [made["id"]]
    assert "NOTE objects" in answer.json()["errors"][0]["message"]


def test_a_note_needs_its_time(hs: Desk) -> None:
    """Created by API with its association in one request."""
    one = hs.contact(lastname="Ng")
    to = {"to": {"id": one}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]}
    given = {"properties": {"hs_note_body": "Call back"}, "associations": [to]}
    assert hs.ask("POST", "notes", given).status_code == 400
    given["properties"] = {"hs_note_body": "Call back", "hs_timestamp": "2026-03-01T12:00:00Z"}
    made = hs.post("notes", given)["id"]
    assert [tie["toObjectId"] for tie in hs.get(f"contacts/{one}/associations/0-46")["results"]] == [int(made)]


def test_scopes_of_notes_and_files(hs: Desk) -> None:
    """Notes take that of contacts, files either of two; a 403 names what is missing."""
    made = attach(hs, hs.deal(), kind="deals")
    note, file = f"notes/{made['note']}", f"/files/2026-03/files/{made['id']}"
    hs.sim.act("token", token="deals", scopes=["crm.objects.deals.read"])
    for path, missing in ((note, ["crm.objects.contacts.read"]), (file, ["files", "files.read"])):
        answer = hs.ask("GET", path, token="deals")
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["context"]["requiredGranularScopes"] == missing
    for scope, path in (("crm.objects.contacts.read", note), ("files", file), ("files.read", file)):
        hs.sim.act("token", token="one", scopes=[scope])
        assert hs.ask("GET", path, token="one").status_code == 200


def test_a_deleted_file_is_not_found(hs: Desk) -> None:
    """The note goes on naming it."""
    made = attach(hs, hs.contact(lastname="Ng"))
    hs.sim.act("file_delete", id=made["id"])
    answer = hs.ask("GET", f"/files/2026-03/files/{made['id']}")
    assert (answer.status_code, answer.json()["category"]) == (404, "OBJECT_NOT_FOUND")
    assert hs.values("notes", made["note"], "hs_attachment_ids")["hs_attachment_ids"] == made["id"]


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("contacts", {"name": "a.pdf"}, "needs 'size'"),
        ("contacts", {"name": "a.pdf", "size": "big"}, "so many bytes"),
        ("contacts", {"name": "", "size": 1}, "has a name"),
        ("notes", {"name": "a.pdf", "size": 1}, "No association types"),
    ],
)
def test_what_cannot_be_attached_leaves_nothing_behind(hs: Desk, kind: str, fields: dict[str, Any], words: str) -> None:
    """No note, and a sentence that says why."""
    one = hs.contact(lastname="Ng")
    if kind == "notes":
        one = attach(hs, one)["note"]
    before = len(hs.sim.records("notes"))
    with pytest.raises(ControlError, match=words):
        hs.sim.act("attach", kind, id=one, fields=fields)
    with pytest.raises(ControlError, match="no such file"):
        hs.sim.act("file_delete", id="5")
    assert len(hs.sim.records("notes")) == before


@pytest.mark.parametrize("generic", [False, True])
def test_only_generic_subscriptions_tell_of_notes(generic: bool) -> None:
    """There is no `note.creation`; the contact's end of the association is told."""
    with desk(webhook_url="http://127.0.0.1:9/", webhook_secret="s" * 20, webhook_generic=generic) as hs:
        one = hs.contact(lastname="Ng")
        before = hs.sim.webhooks()["events"]
        attach(hs, one)
        assert (hs.sim.webhooks()["events"] - before > 1) is generic
