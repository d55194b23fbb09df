"""The files of a Salesforce record: which are listed, of how many, and what is said of access and of odd answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from syncd.core.model import File
from syncd.errors import AuthError, Refused, Transient
from syncd.kit.connector import FILES
from syncd_salesforce import Salesforce, ids
from syncd_salesforce import files as listing
from tests.connectors.test_salesforce_connector_odd import Answer, Asked, Vendor, lead, page, said, sf, vendor
from tests.connectors.test_salesforce_connector_ways import Org, serving

__all__ = ["sf", "vendor"]

DOCUMENTS = [f"069{n:012d}" for n in range(1, 8)]


@pytest.fixture
def org() -> Iterator[Org]:
    """A fresh org."""
    with serving() as org:
        yield org


def attach(org: Org, id: str, *names: str, kind: str = "Lead") -> None:
    """A person puts files on a record, one a second."""
    for name in names:
        org.remote.act("attach", kind, id=id, fields={"name": name, "size": 10})
        org.remote.advance(1)


def names(sf: Salesforce, id: str) -> list[str]:
    return [one.name for one in sf.files("Lead", id)]


def link(document: object) -> dict[str, Any]:
    return {"attributes": {"type": "ContentDocumentLink"}, "ContentDocumentId": document}


def document(n: int, **more: Any) -> dict[str, Any]:
    own = {
        "Title": f"Roof {n}",
        "FileExtension": "pdf",
        "ContentSize": n,
        "CreatedDate": f"2026-03-0{n}T12:00:00.000+0000",
    }
    return {"attributes": {"type": "ContentDocument"}, "Id": DOCUMENTS[n - 1], **own, **more}


def told(vendor: Vendor, links: Answer, documents: Answer) -> None:
    """Let queries of links and of documents be answered so."""

    def script(asked: Asked) -> Answer:
        return links if "FROM ContentDocumentLink" in question(asked) else documents

    vendor.on("/query", script)


def question(asked: Asked) -> str:
    return parse_qs(asked.query)["q"][0]


# -- against the sandbox


def test_two_questions_tell_the_files(org: Org) -> None:
    """One for the links and one for the documents; none where there is no link, no record, or no id."""
    id, bare = org.lead(1), org.lead(2)
    attach(org, id, "plan.pdf")
    sf = org.connect()
    mark = org.remote.mark()
    (one,) = sf.files("Lead", id[:15])
    assert (one.name, one.size, one.about, one.who) == ("plan.pdf", 10, None, None)
    assert one.added_at is not None and abs((sf.now() - one.added_at).total_seconds()) < 60
    assert len(org.posted(mark, "/query")) == 2
    mark = org.remote.mark()
    assert [list(sf.files("Lead", one)) for one in (bare, "00Q000000000009", "'; DROP", "")] == [[]] * 4
    assert len(org.posted(mark, "/query")) == 2


def test_more_links_than_a_page_and_more_documents_than_a_question(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest of all of them are told in their order, whichever page or question they come by."""
    monkeypatch.setattr(listing, "AT_ONCE", 7)
    org.remote.settings(page_cut=5)
    id = org.lead()
    wanted = [f"photo {n:03}.jpg" for n in range(FILES + 6)]
    attach(org, id, *wanted)
    assert names(org.connect(), id) == wanted[: -FILES - 1 : -1]


def test_a_new_version_changes_what_is_told_and_not_the_order(org: Org) -> None:
    """A document is told once, as its newest version is, at the time it was put there."""
    id = org.lead()
    attach(org, id, "old.pdf", "new.pdf")
    (first,) = [row for row in org.remote.records("ContentDocument") if row["Title"] == "old"]
    version = {"PathOnClient": "older.docx", "VersionData": "AAAA", "ContentDocumentId": first["Id"]}
    org.create("ContentVersion", **version)
    assert [(one.name, one.size) for one in org.connect().files("Lead", id)] == [("new.pdf", 10), ("older.docx", 3)]


def test_the_files_of_a_record_that_went_are_not_told(org: Org) -> None:
    """In the recycle bin, gone for good, or hidden by sharing; they are there again when the record is."""
    id, gone, hidden = org.lead(1), org.lead(2), org.lead(3)
    for one in (id, gone, hidden):
        attach(org, one, "plan.pdf")
    sf = org.connect()
    org.remote.act("archive", "Lead", id=id)
    org.remote.act("delete", "Lead", id=gone)
    org.remote.act("hide", ids=[hidden])
    assert [names(sf, one) for one in (id, gone, hidden)] == [[], [], []]
    org.remote.act("restore", "Lead", id=id)
    org.remote.act("show", ids=[hidden])
    assert [names(sf, one) for one in (id, gone, hidden)] == [["plan.pdf"], [], ["plan.pdf"]]


@pytest.mark.parametrize("kind", ["ContentDocumentLink", "ContentDocument"])
def test_who_may_not_read_files_is_told_which_right_is_missing(org: Org, kind: str) -> None:
    """An AuthError that names the object; a check does not ask for it, and records are read as ever."""
    id = org.lead()
    attach(org, id, "plan.pdf")
    org.remote.act("kind_hide", kind)
    sf = org.connect()
    with pytest.raises(AuthError, match="not supported") as caught:
        sf.files("Lead", id)
    assert caught.value.permission == f"Read on {kind}"
    assert not [one for one in sf.check() if "Content" in f"{one.subject}{one.message}{one.remedy}"]
    org.remote.act("kind_show", kind)
    org.remote.act("field_hide", "ContentDocument", name="ContentSize")
    with pytest.raises(AuthError, match="ContentSize") as caught:
        sf.files("Lead", id)
    assert caught.value.permission == "Read on ContentDocument"


# -- against answers that no sandbox gives


@pytest.mark.parametrize(
    ("status", "code", "permission"),
    [
        (400, "INVALID_TYPE", "Read on ContentDocumentLink"),
        (403, "INSUFFICIENT_ACCESS", "Read on ContentDocumentLink"),
        (400, "INSUFFICIENT_ACCESS_OR_READONLY", "Read on ContentDocumentLink"),
        (403, "API_CURRENTLY_DISABLED", "API Enabled"),
        (403, "FUNCTIONALITY_NOT_ENABLED", None),
    ],
)
def test_no_access_is_told_as_such(
    vendor: Vendor, sf: Salesforce, status: int, code: str, permission: str | None
) -> None:
    """By whichever code; what is about the whole API keeps its own name."""
    told(vendor, (status, said(code)), page())
    with pytest.raises(AuthError, match=code) as caught:
        sf.files("Lead", lead(1))
    assert caught.value.permission == permission


@pytest.mark.parametrize("code", ["NOT_FOUND", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"])
def test_a_record_that_is_not_there_has_no_files(vendor: Vendor, sf: Salesforce, code: str) -> None:
    """However that is said."""
    told(vendor, (404, said(code)), page())
    assert list(sf.files("Lead", lead(1))) == []


def test_any_other_trouble_is_told(vendor: Vendor, sf: Salesforce) -> None:
    """It is no record without files."""
    told(vendor, (400, said("MALFORMED_QUERY")), page())
    with pytest.raises(Refused, match="MALFORMED_QUERY"):
        sf.files("Lead", lead(1))
    told(vendor, (200, {"records": [None], "done": True}), page())
    with pytest.raises(Transient):
        sf.files("Lead", lead(1))


def test_only_what_is_known_is_asked_for(vendor: Vendor, sf: Salesforce) -> None:
    """The very questions: links by one record, documents by id; a document is asked for once, an odd link never."""
    links = [link(DOCUMENTS[0]), link(None), link("no id"), link({}), link(DOCUMENTS[0]), {}]
    told(vendor, page(*links), page(document(1)))
    assert len(sf.files("Lead", lead(1))) == 1
    whole = ids.full(DOCUMENTS[0])
    told_of = "SELECT Id, Title, FileExtension, ContentSize, CreatedDate FROM ContentDocument"
    assert [question(one) for one in vendor.calls("/query")] == [
        f"SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{lead(1)}'",
        f"{told_of} WHERE Id IN ('{whole}') ORDER BY CreatedDate DESC, Id DESC LIMIT {FILES}",
    ]


@pytest.mark.parametrize(
    ("odd", "name"),
    [
        ({"Title": "Roof.PDF"}, "Roof.PDF"),
        ({"Title": "Roof pdf"}, "Roof pdf.pdf"),
        ({"Title": "v1.2", "FileExtension": "docx"}, "v1.2.docx"),
        ({"FileExtension": None}, "Roof 1"),
        ({"FileExtension": 7}, "Roof 1"),
        ({"Title": None, "FileExtension": " "}, DOCUMENTS[0]),
        ({"Title": ["x"], "FileExtension": {}}, DOCUMENTS[0]),
    ],
)
def test_a_file_is_named_by_its_title_and_its_ending(
    vendor: Vendor, sf: Salesforce, odd: dict[str, Any], name: str
) -> None:
    """The ending once; a document without a title by its id."""
    told(vendor, page(link(DOCUMENTS[0])), page(document(1, **odd)))
    assert names(sf, lead(1)) == [name]


def test_odd_values_are_unknown_and_come_last(vendor: Vendor, sf: Salesforce) -> None:
    """A size that is no number of bytes, a time that is none; numbers may come as 5.0."""
    told(
        vendor,
        page(*map(link, DOCUMENTS)),
        page(
            document(1, ContentSize=5.0), document(2, ContentSize=-1), document(3, ContentSize=True),
            document(4, ContentSize="12"), document(5, ContentSize=[], CreatedDate="yesterday"),
            document(6, ContentSize=None, CreatedDate=17), document(7, ContentSize=2.5),
        ),
    )  # fmt: skip
    found = sf.files("Lead", lead(1))
    assert [(one.name[5], one.size) for one in found] == [
        ("7", None), ("4", None), ("3", None), ("2", None), ("1", 5), ("5", None), ("6", None),
    ]  # fmt: skip
    assert found[4] == File(name="Roof 1.pdf", size=5, added_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert [one.added_at for one in found[5:]] == [None, None]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_beyond_all_days_is_no_crash(vendor: Vendor, sf: Salesforce, time: str) -> None:
    """It is unknown."""
    told(vendor, page(link(DOCUMENTS[0])), page(document(1, CreatedDate=time)))
    assert [(one.name, one.added_at) for one in sf.files("Lead", lead(1))] == [("Roof 1.pdf", None)]
