"""The Salesforce sandbox never breaks on a body: whatever JSON comes, it answers with one of its own refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.connectors.salesforce_sandbox_desk import BASE, Desk, desk

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.sampled_from(["00QSb0000000001", "2026-01-01", "Hail;Wind", "a@b.co", "@{a.id}"]),
    st.lists(st.integers(), max_size=1),
    st.dictionaries(st.sampled_from(["JobNimbus_Id__c", "x"]), st.text(max_size=2), max_size=2),
)
FIELDS = (
    *("id", "LastName", "Company", "Email", "Owner", "OwnerId", "Account", "Roof_Squares__c", "DoNotCall", "Damage__c"),
    *("JobNimbus_Id__c", "CloseDate", "StageName", "WhoId", "Inspection__c", "Arrival__c", "Probability", "Name"),
)
RECORD = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5)
KIND = st.sampled_from(["Lead", "Contact", "Opportunity", "Task", "User", "OpportunityContactRole", "Unicorn"])
LISTED = st.builds(lambda kind, record: {"attributes": {"type": kind}, **record}, KIND, RECORD)
PART = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "PATCH", "X"]) | VALUES,
        "url": st.sampled_from([f"{BASE}/sobjects/Lead", f"{BASE}/query?q=x", f"{BASE}/sobjects/Lead/@{{a.id}}"])
        | VALUES,
        "referenceId": st.sampled_from(["a", "b"]) | VALUES,
        "body": RECORD | VALUES,
        "httpHeaders": st.none() | VALUES,
    }
)
ORDERS = st.one_of(
    st.tuples(st.sampled_from(["sobjects/Lead", "sobjects/Lead/JobNimbus_Id__c/x"]), RECORD | VALUES),
    st.tuples(
        st.sampled_from(["composite/sobjects", "composite/sobjects/Contact/Email"]),
        st.fixed_dictionaries({"records": st.lists(LISTED | VALUES, max_size=4), "allOrNone": VALUES}),
    ),
    st.tuples(st.just("composite"), st.fixed_dictionaries({"compositeRequest": st.lists(PART | VALUES, max_size=3)})),
    st.tuples(st.just("composite/sobjects/Lead"), st.fixed_dictionaries({"ids": VALUES, "fields": VALUES})),
    st.tuples(
        st.sampled_from(["jobs/query", "jobs/ingest"]),
        st.fixed_dictionaries(
            {"operation": st.sampled_from(["query", "upsert"]), "query": VALUES, "object": KIND | VALUES}
        ),
    ),
)


@pytest.fixture(scope="module")
def sf() -> Iterator[Desk]:
    with desk() as made:
        yield made


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ORDERS, st.sampled_from(["POST", "PATCH"]))
def test_no_body_breaks_it(sf: Desk, order: tuple[str, Any], method: str) -> None:
    """Every answer is JSON, and none is a 500."""
    answer = sf.ask(method, *order)
    assert answer.status_code < 500, answer.text
    assert answer.status_code == 204 or answer.json() is not None


def test_no_query_or_header_breaks_it(sf: Desk) -> None:
    """Addresses and headers that say nothing are refused, or not heeded."""
    for path, params in (
        ("query", {}),
        ("query", {"q": "\x00"}),
        ("query/x", {}),
        ("sobjects/Lead/updated", {}),
        ("composite/sobjects", {}),
        ("jobs/query/x/results", {"locator": "y"}),
        ("sobjects/Lead/JobNimbus_Id__c/%00", {}),
        ("%2F%2F", {}),
    ):
        assert 400 <= sf.ask("GET", path, **params).status_code < 500
    odd = {"Sforce-Query-Options": "batchSize=many;;=", "Sforce-Duplicate-Rule-Header": "=", "Sforce-Auto-Assign": ""}
    assert sf.ask("GET", "query", None, odd, q="SELECT Id FROM Lead").status_code == 200
    assert sf.ask("GET", "limits", None, {"Authorization": "Basic"}).status_code == 401
