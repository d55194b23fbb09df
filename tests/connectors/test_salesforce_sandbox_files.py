"""Files in the Salesforce sandbox: versions, their documents, and the links to records."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator

import pytest

from syncd.kit.sandbox import ControlError
from tests.connectors.salesforce_sandbox_desk import BASE, Desk, code, desk, good

BYTES = bytes(range(256))


@pytest.fixture
def sf() -> Iterator[Desk]:
    with desk() as made:
        yield made


def version(sf: Desk, data: bytes = BYTES, **more: str) -> str:
    return sf.make("ContentVersion", PathOnClient="roof.JPG", VersionData=base64.b64encode(data).decode(), **more)


def test_a_version_makes_its_document_and_its_link(sf: Desk) -> None:
    """Size, digest and ending are told, the bytes come back as they were."""
    lead = sf.make("Lead")
    made = version(sf, FirstPublishLocationId=lead)
    row = sf.read("ContentVersion", made)
    assert (row["ContentSize"], row["FileExtension"], row["Title"], row["IsLatest"]) == (256, "jpg", "roof", True)
    assert row["Checksum"] == hashlib.md5(BYTES).hexdigest()
    assert row["VersionData"] == f"{BASE}/sobjects/ContentVersion/{made}/VersionData"
    assert sf.ask("GET", row["VersionData"]).content == BYTES
    links = sf.rows(f"SELECT ContentDocumentId, ShareType FROM ContentDocumentLink WHERE LinkedEntityId = '{lead}'")
    assert links == [{"ContentDocumentId": row["ContentDocumentId"], "ShareType": "V"}]
    assert sf.read("ContentDocument", row["ContentDocumentId"])["LatestPublishedVersionId"] == made


def test_a_second_version_takes_the_first_ones_place(sf: Desk) -> None:
    """One document, two versions, the newer one is the latest."""
    first = version(sf)
    document = sf.read("ContentVersion", first)["ContentDocumentId"]
    second = version(sf, b"new", ContentDocumentId=document)
    rows = sf.rows("SELECT Id, IsLatest, VersionNumber FROM ContentVersion ORDER BY Id")
    assert [(row["Id"], row["IsLatest"], row["VersionNumber"]) for row in rows] == [
        (first, False, "1"),
        (second, True, "2"),
    ]
    assert sf.read("ContentDocument", document)["LatestPublishedVersionId"] == second


def test_bytes_may_come_in_a_part_of_their_own(sf: Desk) -> None:
    """multipart/form-data: the record as JSON, the file beside it."""
    parts = {
        "entity_content": (None, json.dumps({"Title": "Roof", "PathOnClient": "roof.bin"}), "application/json"),
        "VersionData": ("roof.bin", BYTES, "application/octet-stream"),
    }
    made = good(sf.api.post(f"{BASE}/sobjects/ContentVersion", files=parts)).json()["id"]
    assert sf.ask("GET", f"sobjects/ContentVersion/{made}/VersionData").content == BYTES


def test_what_is_no_file_is_refused(sf: Desk) -> None:
    """No bytes, no path, bad base64, a document by itself."""
    answer = sf.ask("POST", "sobjects/ContentVersion", {"Title": "x"})
    assert answer.json()[0]["fields"] == ["VersionData", "PathOnClient"]
    bad = {"PathOnClient": "x", "VersionData": "!"}
    assert code(sf.ask("POST", "sobjects/ContentVersion", bad)) == (400, "JSON_PARSER_ERROR")
    assert sf.ask("POST", "sobjects/ContentDocument", {"Title": "x"}).status_code == 400


def test_links_are_asked_by_document_or_record_alone(sf: Desk) -> None:
    """Salesforce's own restriction; a link is made by hand, too, and goes with its record."""
    assert code(sf.soql("SELECT Id FROM ContentDocumentLink")) == (400, "MALFORMED_QUERY")
    document = sf.read("ContentVersion", version(sf))["ContentDocumentId"]
    lead = sf.make("Lead")
    sf.make("ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=lead)
    text = f"SELECT LinkedEntityId FROM ContentDocumentLink WHERE ContentDocumentId IN ('{document}')"
    assert len(sf.rows(text)) == 2
    sf.ask("DELETE", f"sobjects/Lead/{lead}")
    assert len(sf.rows(text)) == 1
    assert sf.ids("SELECT Id FROM ContentDocument") == [document]


def test_a_person_attaches_a_file(sf: Desk) -> None:
    """A version by that person, of so many bytes, with its document and link; none on a record that is not there."""
    lead = sf.make("Lead")
    who = sf.sim.records("User")[-1]
    file = {"name": "roof plan.pdf", "size": 2_000}
    made = sf.sim.act("attach", "Lead", id=lead, fields=file, as_=who["Email"])
    version = sf.read("ContentVersion", made["id"])
    assert (version["Title"], version["PathOnClient"], version["ContentSize"]) == ("roof plan", "roof plan.pdf", 2_000)
    assert version["CreatedById"] == who["Id"]
    document = sf.read("ContentDocument", made["document"])
    assert {document[name] == version[name] for name in ("CreatedDate", "FileExtension", "ContentSize")} == {True}
    links = f"SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{lead}'"
    assert sf.rows(links) == [{"ContentDocumentId": made["document"]}]
    for wrong in ({"id": "00Q000000000009"}, {"id": lead, "fields": {"name": "x", "size": 0}}):
        with pytest.raises(ControlError):
            sf.sim.act("attach", "Lead", **{"fields": {"name": "x", "size": 1}, **wrong})
    sf.sim.act("hide", ids=[lead])
    assert sf.rows(links) == []
    sf.sim.act("show", ids=[lead])
    sf.sim.act("delete", "Lead", id=lead)
    assert sf.rows(links) == []
