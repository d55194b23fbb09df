"""The Salesforce sandbox's commits: rows are stamped when they are written and seen when their transaction ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from syncd.kit.control import ControlError
from tests.connectors.salesforce_sandbox_desk import Desk, code, desk


@pytest.fixture
def sf() -> Iterator[Desk]:
    with desk() as made:
        made.sim.clock(set="2026-11-21T10:00:00Z", freeze=True)
        yield made


def stamps(sf: Desk, kind: str, id: str) -> tuple[str, str]:
    row = sf.read(kind, id, "LastModifiedDate", "SystemModstamp")
    return row["LastModifiedDate"][11:19], row["SystemModstamp"][11:19]


def test_a_long_transaction_shows_its_rows_behind_the_cursor(sf: Desk) -> None:
    """Written at 10:00:00 and committed at 10:08:00, it appears with a stamp that every poll has passed."""
    made = sf.sim.act("create", "Lead", fields={"LastName": "Ng", "Company": "c"}, commit_after=480)["id"]
    sf.sim.advance(300)
    later = sf.make("Lead")
    cursor = sf.read("Lead", later, "SystemModstamp")["SystemModstamp"].replace("+0000", "Z")
    assert sf.ids("SELECT Id FROM Lead") == [later]
    assert code(sf.ask("GET", f"sobjects/Lead/{made}")) == (404, "NOT_FOUND")
    assert not sf.sim.settled()
    sf.sim.advance(180)
    assert sf.ids(f"SELECT Id FROM Lead WHERE SystemModstamp >= {cursor}") == [later]
    assert sf.ids("SELECT Id FROM Lead ORDER BY SystemModstamp") == [made, later]
    assert stamps(sf, "Lead", made) == ("10:00:00", "10:00:00")


def test_an_update_that_is_not_committed_is_neither_seen_nor_overtaken(sf: Desk) -> None:
    """Others read the old value, and whoever writes the row cannot lock it."""
    made = sf.make("Lead", City="Old")
    sf.sim.settings(commit_delay=60)
    sf.sim.advance(5)
    sf.sim.act("update", "Lead", id=made, fields={"City": "New"})
    assert sf.read("Lead", made, "City")["City"] == "Old"
    assert code(sf.write("Lead", made, City="Mine")) == (400, "UNABLE_TO_LOCK_ROW")
    sf.sim.advance(60)
    assert sf.read("Lead", made, "City")["City"] == "New"
    assert stamps(sf, "Lead", made) == ("10:00:05", "10:00:05")
    assert sf.write("Lead", made, City="Mine").status_code == 204


def test_nothing_overtakes_a_row_that_a_transaction_holds(sf: Desk) -> None:
    """Neither a merge that moves it nor a delete of its parent nor the system itself writes it meanwhile."""
    account, other = sf.make("Account"), sf.make("Account")
    made = sf.make("Contact", AccountId=account)
    sf.sim.act("update", "Contact", id=made, fields={"Title": "x"}, commit_after=60)
    for order in (
        {"do": "merge", "kind": "Account", "id": account, "into": other},
        {"do": "touch", "kind": "Contact", "id": made},
        {"do": "archive", "kind": "Account", "id": account},
    ):
        with pytest.raises(ControlError, match="UNABLE_TO_LOCK_ROW"):
            sf.sim.act(**order)
    sf.sim.advance(61)
    sf.sim.act("merge", "Account", id=account, into=other)
    row = sf.read("Contact", made)
    assert (row["Title"], row["AccountId"]) == ("x", other)


def test_transactions_can_be_committed_on_demand(sf: Desk) -> None:
    """`commit` ends them all; `settle` lets their time pass."""
    for delay in (100, 600):
        sf.sim.act("create", "Account", fields={"Name": "a"}, commit_after=delay)
    assert sf.sim.act("commit") == {"committed": 2}
    sf.sim.act("create", "Account", fields={"Name": "b"}, commit_after=30)
    sf.sim.settle()
    assert len(sf.ids("SELECT Id FROM Account")) == 3


def test_a_unique_key_is_taken_before_its_row_is_seen(sf: Desk) -> None:
    """Two transactions cannot bring the same key, even though neither sees the other."""
    fields = {"LastName": "Ng", "Company": "c", "JobNimbus_Id__c": "jn-1"}
    sf.sim.act("create", "Lead", fields=fields, commit_after=60)
    assert code(sf.ask("POST", "sobjects/Lead", fields)) == (400, "DUPLICATE_VALUE")
    assert sf.ask("GET", "sobjects/Lead/JobNimbus_Id__c/jn-1").status_code == 404


def test_many_rows_share_one_second(sf: Desk) -> None:
    """A mass update stamps all of them alike."""
    sf.sim.seed(leads=300, messy=False)
    sf.sim.advance(10)
    sf.sim.act("bulk_update", "Lead", fields={"Rating": "Hot"})
    same = sf.rows("SELECT Id FROM Lead WHERE SystemModstamp = 2026-11-21T10:00:10Z")
    assert len(same) == 300


def test_two_changes_in_one_second_have_one_stamp(sf: Desk) -> None:
    """The second one cannot be told from the first by its time."""
    made = sf.make("Lead", City="One")
    sf.write("Lead", made, City="Two")
    assert stamps(sf, "Lead", made) == ("10:00:00", "10:00:00")
    assert sf.read("Lead", made, "City")["City"] == "Two"
    sf.sim.advance(0.4)
    sf.write("Lead", made, City="Three")
    assert stamps(sf, "Lead", made) == ("10:00:00", "10:00:00")


def test_the_date_header_and_the_stamps_are_of_two_clocks(sf: Desk) -> None:
    """Servers differ by seconds."""
    sf.sim.settings(stamp_skew=2)
    answer = sf.ask("POST", "sobjects/Account", {"Name": "a"})
    assert parsedate_to_datetime(answer.headers["date"]) == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert stamps(sf, "Account", answer.json()["id"]) == ("10:00:02", "10:00:02")


def test_the_system_bumps_rows_that_nobody_changed(sf: Desk) -> None:
    """SystemModstamp moves alone; an update of equal values moves both, unless that is switched off."""
    made = sf.make("Lead", City="Mobile")
    sf.sim.advance(5)
    sf.sim.act("touch", "Lead", id=made)
    assert stamps(sf, "Lead", made) == ("10:00:00", "10:00:05")
    sf.sim.advance(5)
    sf.write("Lead", made, City="Mobile")
    assert stamps(sf, "Lead", made) == ("10:00:10", "10:00:10")
    sf.sim.settings(noop_update_bumps=False)
    sf.sim.advance(5)
    sf.write("Lead", made, City="Mobile")
    assert stamps(sf, "Lead", made) == ("10:00:10", "10:00:10")


def test_an_import_may_bring_its_own_dates(sf: Desk) -> None:
    """With Set Audit Fields LastModifiedDate lies in the past, SystemModstamp does not."""
    old = {"LastModifiedDate": "2020-01-01T00:00:00Z", "CreatedDate": "2019-01-01T00:00:00Z"}
    assert code(sf.ask("POST", "sobjects/Account", {"Name": "a", **old}))[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    sf.sim.settings(audit_fields=True)
    row = sf.read("Account", sf.make("Account", **old))
    assert [row[name][:4] for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")] == ["2019", "2020", "2026"]


def test_a_formula_changes_without_a_stamp(sf: Desk) -> None:
    """The account is renamed, the contact shows it, and nothing of the contact has moved."""
    account = sf.make("Account", Name="Old")
    made = sf.make("Contact", AccountId=account)
    sf.sim.advance(60)
    sf.write("Account", account, Name="New")
    assert sf.read("Contact", made, "Account_Name__c")["Account_Name__c"] == "New"
    assert stamps(sf, "Contact", made) == ("10:00:00", "10:00:00")
    assert sf.ids("SELECT Id FROM Contact WHERE Account_Name__c = 'new'") == [made]


def test_a_row_becomes_visible_with_an_old_stamp(sf: Desk) -> None:
    """Sharing opens, and no time tells of it; until then it is in no answer."""
    made = sf.make("Lead", JobNimbus_Id__c="jn-1")
    sf.sim.act("hide", "Lead", ids=[made])
    assert sf.ids("SELECT Id FROM Lead", all=True) == []
    task = sf.make("Task", Subject="Call")
    assert code(sf.write("Task", task, WhoId=made))[1] == "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
    assert code(sf.ask("GET", f"sobjects/Lead/{made}")) == (404, "NOT_FOUND")
    assert sf.ask("GET", "sobjects/Lead/JobNimbus_Id__c/jn-1").status_code == 404
    assert code(sf.write("Lead", made, City="x")) == (404, "NOT_FOUND")
    sf.sim.advance(3600)
    sf.sim.act("show")
    assert sf.ids("SELECT Id FROM Lead") == [made]
    assert stamps(sf, "Lead", made) == ("10:00:00", "10:00:00")


def test_the_history_tells_what_was_committed_and_by_whom(sf: Desk) -> None:
    """A person's late transaction is noted when it is seen, and belongs to no request."""
    made = sf.make("Lead", City="One")
    sf.sim.act("update", "Lead", id=made, fields={"City": "Two"}, as_="miguel.sosa@example.com", commit_after=60)
    assert len(sf.sim.history("Lead", made)) == 1
    sf.sim.advance(60)
    sf.read("Lead", made)
    api, person = sf.sim.history("Lead", made)
    assert (api["by"], api["via"], api["asked"] is not None) == ("integration@roofing.example", "api", True)
    assert (person["by"], person["via"], person["asked"]) == ("miguel.sosa@example.com", "person", None)
    assert person["fields"] == {"City": ["One", "Two"]}
