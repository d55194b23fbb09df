"""The Salesforce sandbox's writes: by key, in lists, in composites, with preconditions, and under an admin's rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from tests.connectors.salesforce_sandbox_desk import BASE, Desk, code, desk, good, item_code

KEY = "sobjects/Lead/JobNimbus_Id__c"
LEAD = {"LastName": "Ng", "Company": "Ng Household"}


@pytest.fixture
def sf() -> Iterator[Desk]:
    with desk() as made:
        yield made


# -- upsert


def test_an_upsert_creates_and_then_updates(sf: Desk) -> None:
    """201 with created, then 200 without; an old version answers 204."""
    first = sf.ask("PATCH", f"{KEY}/jn-1", LEAD)
    assert (first.status_code, first.json()["created"]) == (201, True)
    second = sf.ask("PATCH", f"{KEY}/JN-1", {"City": "Mobile"})
    id = first.json()["id"]
    assert (second.status_code, second.json()) == (200, {"id": id, "success": True, "errors": [], "created": False})
    assert sf.read("Lead", id)["JobNimbus_Id__c"] == "jn-1"
    old = sf.ask("PATCH", f"/services/data/v45.0/{KEY}/jn-1", {"City": "x"})
    assert (old.status_code, old.content) == (204, b"")


def test_a_key_may_hold_anything_when_it_is_encoded(sf: Desk) -> None:
    """Slashes, question marks and percent signs come through."""
    made = sf.ask("PATCH", f"{KEY}/a%2Fb%3Fc%25%20d", LEAD)
    assert made.status_code == 201, made.text
    assert sf.read("Lead", made.json()["id"])["JobNimbus_Id__c"] == "a/b?c% d"
    assert sf.ask("GET", f"{KEY}/a/b").status_code == 404


def test_update_only_creates_nothing(sf: Desk) -> None:
    """What is not there stays away."""
    assert code(sf.ask("PATCH", f"{KEY}/jn-1", LEAD, updateOnly="true")) == (404, "NOT_FOUND")
    made = sf.make("Lead", JobNimbus_Id__c="jn-1")
    assert sf.ask("PATCH", f"{KEY}/jn-1", {"City": "x"}, updateOnly="true").json()["id"] == made


def test_a_key_that_two_have_is_a_300(sf: Desk) -> None:
    """Nothing is saved, and the answer tells where they are; e-mail is a key that is not unique."""
    both = [sf.make("Contact", Email="a@example.com") for _ in range(2)]
    answer = sf.ask("PATCH", "sobjects/Contact/Email/a@example.com", {"Title": "x"})
    assert answer.status_code == 300
    assert answer.json() == [f"{BASE}/sobjects/Contact/{id}" for id in sorted(both)]


def test_the_key_stands_in_the_path_alone(sf: Desk) -> None:
    """Id or the key in the body is an error, and so is a field that is no key."""
    assert code(sf.ask("PATCH", f"{KEY}/jn-1", {**LEAD, "JobNimbus_Id__c": "jn-1"})) == (400, "INVALID_FIELD")
    assert code(sf.ask("PATCH", f"{KEY}/jn-1", {**LEAD, "Id": sf.make("Lead")})) == (400, "INVALID_FIELD")
    assert code(sf.ask("PATCH", "sobjects/Lead/City/Mobile", LEAD)) == (404, "NOT_FOUND")
    made = sf.ask("POST", "sobjects/Lead/Id", LEAD)
    assert (made.status_code, made.json()["created"]) == (201, True)


def test_a_record_is_read_and_deleted_by_its_key(sf: Desk) -> None:
    """A deleted one does not hold its key any more."""
    made = sf.make("Lead", JobNimbus_Id__c="jn-1")
    assert sf.get(f"{KEY}/jn-1", fields="Name")["Id"] == made
    assert sf.ask("DELETE", f"{KEY}/jn-1").status_code == 204
    assert sf.ask("PATCH", f"{KEY}/jn-1", LEAD).status_code == 201


# -- lists


def test_a_list_answers_in_order_with_a_result_each(sf: Desk) -> None:
    """200 although some fail; the good ones are kept; codes are called statusCode here."""
    results = sf.many("POST", "Lead", [LEAD, {"LastName": "x"}, {**LEAD, "Email": "no"}, LEAD])
    assert [each["success"] for each in results] == [True, False, False, True]
    assert results[1]["errors"][0]["fields"] == ["Company"]
    assert item_code(results[2]) == "INVALID_EMAIL_ADDRESS"
    assert "errorCode" not in results[2]["errors"][0]
    assert sf.ids("SELECT Id FROM Lead ORDER BY Id") == [results[0]["id"], results[3]["id"]]


def test_all_or_none_takes_the_good_ones_back(sf: Desk) -> None:
    """They say why."""
    results = sf.many("POST", "Lead", [LEAD, {"LastName": "x"}], allOrNone=True)
    assert [item_code(each) for each in results] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert sf.ids("SELECT Id FROM Lead") == []


def test_updates_in_a_list_name_their_records(sf: Desk) -> None:
    """Deleted, unknown, malformed, nameless and doubled ones each have a code."""
    one, gone, twice = sf.make("Lead"), sf.make("Lead"), sf.make("Lead")
    sf.ask("DELETE", f"sobjects/Lead/{gone}")
    wanted = [one[:15], gone, "00QSb0000000001", "nonsense", twice, twice]
    results = sf.many("PATCH", "Lead", [{"id": id, "City": "Mobile"} for id in wanted] + [{"City": "x"}])
    assert results[0] == {"id": one, "success": True, "errors": []}
    assert [item_code(each) for each in results[1:]] == [
        "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "INVALID_ID_FIELD", "INVALID_ID_FIELD",
        "MISSING_ARGUMENT",
    ]  # fmt: skip
    sf.sim.settings(duplicate_in_list="later")
    results = sf.many("PATCH", "Lead", [{"id": twice, "City": "a"}, {"id": twice, "City": "b"}])
    assert [each["success"] for each in results] == [True, False]


def test_upserts_in_a_list_go_by_their_key(sf: Desk) -> None:
    """Created or not is told for each; a key twice in one list fails both."""
    made = sf.make("Lead", JobNimbus_Id__c="jn-1")
    rows = [{**LEAD, "JobNimbus_Id__c": key} for key in ("JN-1", "jn-2", "jn-3", "JN-3", None)]
    results = sf.many("PATCH", "Lead", rows, key="JobNimbus_Id__c")
    assert (results[0]["id"], results[0]["created"], results[1]["created"]) == (made, False, True)
    assert [item_code(each) for each in results[2:]] == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", "MISSING_ARGUMENT"]
    path = "composite/sobjects/Lead/JobNimbus_Id__c?updateOnly=true"
    body = {"records": [{"attributes": {"type": "Lead"}, **LEAD, "JobNimbus_Id__c": "jn-9"}]}
    assert item_code(good(sf.ask("PATCH", path, body)).json()[0]) == "NOT_FOUND"


def test_a_list_has_a_size_and_few_changes_of_type(sf: Desk) -> None:
    """200 records, ten runs of one type; each record names its type."""
    records = [{"attributes": {"type": "Lead"}, **LEAD}] * 201
    assert code(sf.ask("POST", "composite/sobjects", {"records": records})) == (400, "EXCEEDED_ID_LIMIT")
    mixed = [{"attributes": {"type": "Account"}, "Name": "a"}, {"attributes": {"type": "Lead"}, **LEAD}]
    assert code(sf.ask("POST", "composite/sobjects", {"records": mixed * 6})) == (400, "LIMIT_EXCEEDED")
    assert all(each["success"] for each in sf.ask("POST", "composite/sobjects", {"records": mixed * 5}).json())
    assert sf.ask("POST", "composite/sobjects", {"records": [LEAD]}).status_code == 400
    assert len(good(sf.ask("POST", "composite/sobjects", {"records": records[:200]})).json()) == 200


def test_lists_delete_and_retrieve_by_ids(sf: Desk) -> None:
    """Deletes answer one result each; a retrieval has null for what is gone."""
    ids = [sf.make("Lead", City="Mobile") for _ in range(3)]
    answer = good(sf.ask("DELETE", "composite/sobjects", ids=",".join([ids[0], "00QSb0000000001"]))).json()
    assert (answer[0]["success"], item_code(answer[1])) == (True, "INVALID_CROSS_REFERENCE_KEY")
    found = good(sf.ask("POST", "composite/sobjects/Lead", {"ids": ids, "fields": ["Id", "City"]})).json()
    assert [row and row["City"] for row in found] == [None, "Mobile", "Mobile"]
    assert len(sf.get("composite/sobjects/Lead", ids=",".join(ids), fields="Id")) == 3


def test_an_unknown_field_spoils_its_record_or_the_request(sf: Desk) -> None:
    """Which of the two nobody has written down: it is a switch."""
    records = [LEAD, {**LEAD, "Foo__c": 1}]
    assert item_code(sf.many("POST", "Lead", records)[1]) == "INVALID_FIELD"
    sf.sim.settings(unknown_field_in_list="request")
    typed = [{"attributes": {"type": "Lead"}, **each} for each in records]
    assert code(sf.ask("POST", "composite/sobjects", {"records": typed})) == (400, "INVALID_FIELD")
    assert len(sf.ids("SELECT Id FROM Lead")) == 1


# -- composites


def composite(sf: Desk, *steps: tuple[str, str, str, Any], **more: Any) -> list[dict[str, Any]]:
    asked = [
        {"referenceId": name, "method": method, "url": f"{BASE}/{path}", **({"body": body} if body else {})}
        for name, method, path, body in steps
    ]
    return list(good(sf.ask("POST", "composite", {"compositeRequest": asked, **more})).json()["compositeResponse"])


def test_a_composite_hands_results_on(sf: Desk) -> None:
    """Ids in bodies and addresses, rows of a query; one call of the day's budget."""
    before = int(sf.ask("GET", "limits").headers["sforce-limit-info"].split("=")[1].split("/")[0])
    done = composite(
        sf,
        ("a", "POST", "sobjects/Account", {"Name": "Ng"}),
        ("c", "POST", "sobjects/Contact", {"LastName": "Ng", "AccountId": "@{a.id}"}),
        ("q", "GET", "query?q=SELECT+Id+FROM+Contact+WHERE+AccountId='@{a.id}'", None),
        ("g", "GET", "sobjects/Contact/@{q.records[0].Id}?fields=LastName", None),
    )
    assert [each["httpStatusCode"] for each in done] == [201, 201, 200, 200]
    assert (done[3]["referenceId"], done[3]["body"]["LastName"]) == ("g", "Ng")
    after = int(sf.ask("GET", "limits").headers["sforce-limit-info"].split("=")[1].split("/")[0])
    assert after - before == 2


def test_a_composite_that_is_all_or_none_takes_everything_back(sf: Desk) -> None:
    """The failed one tells its error, the others that they were halted; without it the good ones stay."""
    steps = (
        ("a", "POST", "sobjects/Account", {"Name": "Ng"}),
        ("b", "POST", "sobjects/Contact", {"FirstName": "x"}),
        ("c", "POST", "sobjects/Contact", {"LastName": "Ng", "AccountId": "@{b.id}"}),
    )
    done = composite(sf, *steps, allOrNone=True)
    told = [(each["httpStatusCode"], each["body"][0]["errorCode"]) for each in done]
    assert told == [(400, "PROCESSING_HALTED"), (400, "REQUIRED_FIELD_MISSING"), (400, "PROCESSING_HALTED")]
    assert sf.ids("SELECT Id FROM Account") == []
    done = composite(sf, *steps)
    assert [each["httpStatusCode"] for each in done] == [201, 400, 400]
    assert len(sf.ids("SELECT Id FROM Account")) == 1


def test_a_composite_has_a_size(sf: Desk) -> None:
    """25 requests, five queries or lists among them."""
    steps = [(f"r{n}", "GET", "query?q=SELECT+Id+FROM+Lead", None) for n in range(6)]
    asked = [{"referenceId": name, "method": method, "url": f"{BASE}/{path}"} for name, method, path, _ in steps]
    assert code(sf.ask("POST", "composite", {"compositeRequest": asked})) == (400, "LIMIT_EXCEEDED")


def test_graphs_are_each_whole_or_undone(sf: Desk) -> None:
    """One graph fails by itself, the other stays."""

    def graph(name: str, last: str | None) -> dict[str, Any]:
        account = {"referenceId": "a", "method": "POST", "url": f"{BASE}/sobjects/Account", "body": {"Name": name}}
        body = {"LastName": last, "AccountId": "@{a.id}"}
        contact = {"referenceId": "c", "method": "POST", "url": f"{BASE}/sobjects/Contact", "body": body}
        return {"graphId": name, "compositeRequest": [account, contact]}

    order = {"graphs": [graph("one", "Ng"), graph("two", None)]}
    one, two = good(sf.ask("POST", "composite/graph", order)).json()["graphs"]
    assert (one["isSuccessful"], two["isSuccessful"], two["graphId"]) == (True, False, "two")
    told = [each["body"][0]["errorCode"] for each in two["graphResponse"]["compositeResponse"]]
    assert told == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert [row["Name"] for row in sf.rows("SELECT Name FROM Account")] == ["one"]
    asked = good(sf.ask("POST", "composite/graph", {"graphs": [graph(str(n), None) for n in range(16)]})).json()[
        "graphs"
    ]
    codes = [each["graphResponse"]["compositeResponse"][1]["body"][0]["errorCode"] for each in asked]
    assert codes == ["REQUIRED_FIELD_MISSING"] * 14 + ["PROCESSING_HALTED"] * 2


# -- preconditions and locks


def test_accounts_alone_have_a_tag(sf: Desk) -> None:
    """If-None-Match saves the body, If-Match guards a write."""
    made = sf.make("Account")
    tag = sf.ask("GET", f"sobjects/Account/{made}").headers["etag"]
    assert sf.ask("GET", f"sobjects/Account/{made}", None, {"If-None-Match": tag}).status_code == 304
    assert sf.write("Account", made, {"If-Match": tag}, Fax="1").status_code == 204
    assert code(sf.write("Account", made, {"If-Match": tag}, Fax="2")) == (412, "PRECONDITION_FAILED")
    assert "etag" not in sf.ask("GET", f"sobjects/Lead/{sf.make('Lead')}").headers


def test_a_change_in_between_is_a_412(sf: Desk) -> None:
    """If-Unmodified-Since compares whole seconds of LastModifiedDate; what is no date is a 400."""
    sf.sim.clock(set="2026-11-21T10:00:00Z", freeze=True)
    made = sf.make("Contact")
    head = {"If-Unmodified-Since": format_datetime(datetime(2026, 11, 21, 10, tzinfo=UTC), usegmt=True)}
    assert sf.write("Contact", made, head, Title="a").status_code == 204
    sf.sim.advance(1)
    assert sf.write("Contact", made, head, Title="b").status_code == 204
    assert code(sf.write("Contact", made, head, Title="c")) == (412, "PRECONDITION_FAILED")
    assert code(sf.write("Contact", made, {"If-Unmodified-Since": "yesterday"}, Title="c"))[0] == 400


def test_a_locked_row_and_a_locked_account_refuse(sf: Desk) -> None:
    """Children of an account that another transaction holds cannot be written, until it lets go."""
    account = sf.make("Account")
    made = sf.make("Contact", AccountId=account)
    sf.sim.act("lock", id=account, seconds=10)
    assert code(sf.write("Contact", made, Title="x")) == (400, "UNABLE_TO_LOCK_ROW")
    assert item_code(sf.many("PATCH", "Contact", [{"id": made, "Title": "x"}])[0]) == "UNABLE_TO_LOCK_ROW"
    sf.sim.advance(11)
    assert sf.write("Contact", made, Title="x").status_code == 204


def test_a_share_of_writes_finds_its_row_locked(sf: Desk) -> None:
    """By chance, and a retry may succeed."""
    ids = [sf.make("Lead") for _ in range(60)]
    sf.sim.settings(lock_share=0.3)
    results = sf.many("PATCH", "Lead", [{"id": id, "City": "x"} for id in ids])
    failed = [item_code(each) for each in results if not each["success"]]
    assert 0 < len(failed) < 60 and set(failed) == {"UNABLE_TO_LOCK_ROW"}


def test_a_full_org_creates_nothing(sf: Desk) -> None:
    """Updates go on."""
    made = sf.make("Lead")
    sf.sim.settings(storage_full=True)
    assert code(sf.ask("POST", "sobjects/Lead", LEAD)) == (400, "STORAGE_LIMIT_EXCEEDED")
    assert sf.write("Lead", made, City="x").status_code == 204


# -- an admin's rules


def test_a_validation_rule_speaks_with_its_own_words(sf: Desk) -> None:
    """Its condition is SOQL, its message the admin's."""
    when = "StageName = 'Closed Won' AND Amount = null"
    sf.sim.act("validation_rule", "Opportunity", when=when, message="How much was it?", field="Amount")
    made = sf.make("Opportunity")
    answer = sf.write("Opportunity", made, StageName="Closed Won")
    assert code(answer) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert (answer.json()[0]["message"], answer.json()[0]["fields"]) == ("How much was it?", ["Amount"])
    assert sf.write("Opportunity", made, StageName="Closed Won", Amount=5).status_code == 204


def test_a_flow_changes_what_was_just_written(sf: Desk) -> None:
    """In the same second and by the same user, so that it looks like our own write."""
    sf.sim.act("flow", "Lead", when="City = 'Mobile'", set={"State": "Alabama"})
    row = sf.read("Lead", sf.make("Lead", City="mobile"))
    assert row["State"] == "Alabama"
    assert row["LastModifiedById"] == row["CreatedById"] and row["LastModifiedDate"] == row["CreatedDate"]


def test_duplicate_rules_alert_or_block(sf: Desk) -> None:
    """The answer names the others; allowSave passes an alert and never a block."""
    first = sf.make("Lead", Email="ana@example.com")
    sf.sim.act("duplicate_rule", "Lead", fields=["Email"], action="alert")
    again = {**LEAD, "Email": "ANA@example.com"}
    answer = sf.ask("POST", "sobjects/Lead", again)
    assert code(answer) == (400, "DUPLICATES_DETECTED")
    match = answer.json()[0]["duplicateResult"]["matchResults"][0]["matchRecords"][0]
    assert match["record"]["Id"] == first
    assert "duplicateResult" in sf.many("POST", "Lead", [again])[0]["errors"][0]
    sf.sim.settings(duplicate_result_in_items=False)
    assert "duplicateResult" not in sf.many("POST", "Lead", [again])[0]["errors"][0]
    head = {"Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=true"}
    assert sf.ask("POST", "sobjects/Lead", again, head).status_code == 201
    sf.sim.act("rules_clear")
    sf.sim.act("duplicate_rule", "Lead", fields=["Email"], action="block")
    assert code(sf.ask("POST", "sobjects/Lead", again, head)) == (400, "DUPLICATES_DETECTED")


def test_assignment_rules_take_the_lead_unless_told_not_to(sf: Desk) -> None:
    """The owner flips on create and on update; Sforce-Auto-Assign: FALSE leaves it."""
    queue = sf.sim.act("assignment_rule", "Lead", owner="Web Leads", when="LeadSource = 'Web'")["owner"]
    made = sf.make("Lead", LeadSource="Web")
    assert sf.read("Lead", made)["OwnerId"] == queue
    dana = sf.ids("SELECT Id FROM User WHERE Email = 'dana.reyes@example.com'")[0]
    off = {"Sforce-Auto-Assign": "FALSE"}
    sf.write("Lead", made, off, OwnerId=dana)
    assert sf.read("Lead", made)["OwnerId"] == dana
    sf.write("Lead", made, City="Mobile")
    assert sf.read("Lead", made)["OwnerId"] == queue
