"""simple-salesforce against the sandbox: an independent witness that it speaks as Salesforce does."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, SFType
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_external_id, format_soql

from syncd.kit.sandbox import SandboxServer
from syncd_salesforce.sandbox import SalesforceSandbox
from tests.connectors.salesforce_sandbox_desk import TOKEN, Desk, desk

KEY = "sandbox-consumer-key"


class Plain(HTTPAdapter):
    """Takes whatever https address the client has built in to the sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__()

    def send(self, request: Any, *args: Any, **more: Any) -> Any:
        path = request.url.split("/", 3)[3]
        request.url = f"{self.url}/{path}"
        return super().send(request, *args, **more)


@pytest.fixture
def sf() -> Iterator[Desk]:
    with desk() as made:
        yield made


@pytest.fixture
def session(sf: Desk) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        made.mount("https://", Plain(sf.url))
        yield made


@pytest.fixture
def client(sf: Desk, session: requests.Session) -> Any:
    return Salesforce(instance_url=sf.url, session_id=TOKEN, session=session, version="66.0")


def test_the_client_speaks_https_to_it_as_it_is(tmp_path: Path) -> None:
    """With nothing but the sandbox's authority trusted: a session, a query, a record, and a bulk query."""
    with SandboxServer(SalesforceSandbox(), tls=tmp_path) as server, requests.Session() as session:
        session.trust_env, session.verify = False, str(server.authority)
        url = f"{server.url}/services/oauth2/token"
        form = {"grant_type": "client_credentials", "client_id": KEY, "client_secret": "sandbox-consumer-secret"}
        told = session.post(url, data=form).json()
        assert told["instance_url"] == server.url
        client: Any = Salesforce(instance_url=told["instance_url"], session_id=told["access_token"], session=session)
        made = client.Lead.create({"LastName": "Ann", "Company": "home"})["id"]
        assert client.query("SELECT LastName FROM Lead")["records"][0]["LastName"] == "Ann"
        (found,) = client.bulk2.Lead.query("SELECT Id FROM Lead")
        assert list(csv.DictReader(io.StringIO(found))) == [{"Id": made}]


# -- tokens


def test_the_client_gets_in_with_its_credentials(sf: Desk, session: requests.Session) -> None:
    """The client credentials flow, and the address it is told."""
    words = {"consumer_key": KEY, "consumer_secret": "sandbox-consumer-secret", "domain": "acme.my"}
    found = Salesforce(**words, session=session)
    assert found.sf_instance == sf.url.removeprefix("http://")
    assert found.limits()["DailyApiRequests"]["Max"] == 100_000
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid client credentials"):
        Salesforce(**{**words, "consumer_secret": "x"}, session=session)


def test_the_client_gets_in_with_a_signed_assertion(sf: Desk, session: requests.Session) -> None:
    """The sandbox checks the signature with the public key it was given, in both of its forms."""
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    pems = [
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        for key in keys
    ]
    words = {"username": "integration@roofing.example", "consumer_key": KEY, "session": session, "domain": "login"}
    for form in (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1):
        public = keys[0].public_key().public_bytes(serialization.Encoding.PEM, form).decode()
        sf.sim.settings(jwt_public_key=public)
        assert Salesforce(**words, privatekey=pems[0]).query("SELECT COUNT() FROM Lead")["totalSize"] == 0
        with pytest.raises(SalesforceAuthenticationFailed, match="invalid assertion"):
            Salesforce(**words, privatekey=pems[1])


def test_the_client_sees_that_its_session_is_over(sf: Desk, client: Any) -> None:
    """401 raises its own error."""
    sf.sim.act("kill_tokens")
    with pytest.raises(SalesforceExpiredSession):
        client.query("SELECT Id FROM Lead")


# -- queries


def test_the_client_pages_through_a_query(sf: Desk, client: Any) -> None:
    """query, query_more and query_all follow the sandbox's addresses to the end."""
    sf.sim.seed(leads=25, messy=False)
    sf.sim.settings(page_cut=7)
    first = client.query("SELECT Id, Name FROM Lead ORDER BY Id")
    assert (first["totalSize"], first["done"], len(first["records"])) == (25, False, 7)
    second = client.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert len(second["records"]) == 7
    assert len(client.query_all("SELECT Id FROM Lead")["records"]) == 25
    assert len(list(client.query_all_iter("SELECT Id FROM Lead"))) == 25


def test_the_client_sees_the_bin_where_it_asks_for_it(client: Any) -> None:
    """include_deleted is queryAll, also on later pages."""
    made = client.Lead.create({"LastName": "Ng", "Company": "Ng"})["id"]
    assert client.Lead.delete(made) == 204
    assert client.query("SELECT Id FROM Lead")["totalSize"] == 0
    (row,) = client.query_all("SELECT Id, IsDeleted FROM Lead", include_deleted=True)["records"]
    assert row["IsDeleted"] is True


def test_the_clients_quoting_is_understood(client: Any) -> None:
    """Texts, lists, dates and numbers as its own formatter writes them."""
    made = client.Lead.create({"LastName": 'O\'Neil \\ "x"\n%_', "Company": "Ng", "Roof_Squares__c": 5})["id"]
    moment = datetime.now(UTC) - timedelta(days=1)
    text = format_soql(
        "SELECT Id FROM Lead WHERE LastName = {} AND Id IN {} AND CreatedDate > {} AND Roof_Squares__c = {}",
        'O\'Neil \\ "x"\n%_',
        [made],
        moment,
        5,
    )
    assert [row["Id"] for row in client.query(text)["records"]] == [made]
    like = format_soql("SELECT Id FROM Lead WHERE LastName LIKE '%{:like}'", "%_")
    assert client.query(like)["totalSize"] == 1


# -- records


def test_the_client_creates_reads_updates_and_upserts(client: Any) -> None:
    """Single calls, keys with a slash, created told in the raw answer."""
    made = client.Contact.create({"LastName": "Ng"})
    assert made["success"] is True
    assert client.Contact.update(made["id"], {"Title": "Owner"}) == 204
    assert client.Contact.get(made["id"])["Title"] == "Owner"
    key = format_external_id("JobNimbus_Id__c", "a/b?c")
    first = client.Contact.upsert(key, {"LastName": "Lee"}, raw_response=True)
    assert (first.status_code, first.json()["created"]) == (201, True)
    assert client.Contact.upsert(key, {"Title": "x"}) == 200
    assert client.Contact.get_by_custom_id("JobNimbus_Id__c", "a/b?c")["Title"] == "x"


def test_the_client_sees_refusals(client: Any) -> None:
    """400, 404 and 300 raise their own errors, with the sandbox's body inside."""
    with pytest.raises(SalesforceMalformedRequest) as bad:
        client.Lead.create({"LastName": "Ng"})
    assert bad.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    with pytest.raises(SalesforceResourceNotFound):
        client.Lead.get("00QSb0000000001")
    for _ in range(2):
        client.Contact.create({"LastName": "Ng", "Email": "a@example.com"})
    with pytest.raises(SalesforceMoreThanOneRecord):
        client.Contact.upsert("Email/a@example.com", {"Title": "x"})


def test_the_client_sends_lists_and_composites(client: Any) -> None:
    """By its way for everything else: restful."""
    records = [{"attributes": {"type": "Lead"}, "LastName": f"n{n}", "Company": "c"} for n in range(3)]
    made = client.restful("composite/sobjects", method="POST", json={"records": records})
    assert [each["success"] for each in made] == [True] * 3
    found = client.restful("composite/sobjects/Lead", {"ids": made[0]["id"], "fields": "LastName"})
    assert found[0]["LastName"] == "n0"
    base = "/services/data/v66.0/sobjects"
    asked = [
        {"method": "POST", "referenceId": "a", "url": f"{base}/Account", "body": {"Name": "Ng"}},
        {"method": "PATCH", "referenceId": "b", "url": f"{base}/Account/@{{a.id}}", "body": {"Fax": "1"}},
    ]
    done = client.restful("composite", method="POST", json={"compositeRequest": asked})["compositeResponse"]
    assert [each["httpStatusCode"] for each in done] == [201, 204]


def test_the_client_reads_metadata_and_changed_ids(client: Any) -> None:
    """Describe of one object and of all, getUpdated and getDeleted."""
    names = {each["name"] for each in client.Lead.describe()["fields"]}
    assert {"SystemModstamp", "JobNimbus_Id__c"} <= names
    assert "Lead" in {each["name"] for each in client.describe()["sobjects"]}
    made = client.Lead.create({"LastName": "Ng", "Company": "Ng"})["id"]
    now = datetime.now(UTC)
    lead: SFType = client.Lead
    assert lead.updated(now - timedelta(minutes=5), now + timedelta(minutes=2))["ids"] == [made]
    assert lead.deleted(now - timedelta(minutes=5), now + timedelta(minutes=2))["deletedRecords"] == []


# -- bulk


def test_the_client_runs_bulk_queries(sf: Desk, client: Any) -> None:
    """A job, its state, its results by locator."""
    sf.sim.seed(leads=12, messy=False)
    job = client.bulk2.Lead.query("SELECT Id, Name FROM Lead", max_records=5, wait=0.01)
    rows = [row for page in job for row in csv.DictReader(io.StringIO(page))]
    assert len({row["Id"] for row in rows}) == 12


def test_the_client_runs_bulk_writes(client: Any) -> None:
    """Insert with one bad row: its count, and the row again with what was wrong."""
    rows = [{"LastName": "Ng", "Company": "a"}, {"LastName": "Lee", "Company": ""}]
    (told,) = client.bulk2.Lead.insert(records=rows, wait=0.01)
    assert (told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (2, 1)
    failed = client.bulk2.Lead.get_failed_records(told["job_id"])
    assert "REQUIRED_FIELD_MISSING" in failed
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 1
