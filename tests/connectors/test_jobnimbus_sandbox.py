"""The JobNimbus sandbox behind a real socket: access, records, the rules of a write, activities, faults."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.connectors.jobnimbus_sandbox_desk import Desk, desk


@pytest.fixture
def jn() -> Iterator[Desk]:
    with desk() as made:
        yield made


# -- access


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Token sandboxkey0000001", "Bearer"])
def test_a_missing_and_a_wrong_key_get_the_same_401(jn: Desk, header: str | None) -> None:
    """No key, a wrong key and another scheme are answered alike, byte for byte."""
    headers = {"Authorization": header} if header else {}
    answer = httpx.get(str(jn.api.base_url) + "contacts", headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.content == b'{"status":401,"body":"Authentication required"}'


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_without_regard_to_case(jn: Desk, scheme: str) -> None:
    """Both spellings of the vendor's own samples work."""
    assert jn.api.get("jobs", headers={"Authorization": f"{scheme} sandboxkey0000001"}).status_code == 200


def test_a_profile_without_settings_cannot_write_them_but_works_otherwise(jn: Desk) -> None:
    """The no-settings profile gets 403 on account writes only; with the switch, on reading settings as well."""
    jn.sim.act("key", key="k2", profile="no-settings")
    jn.api.headers["Authorization"] = "Bearer k2"
    body = {"title": "X", "object_type": "job", "type": "string"}
    assert jn.api.post("account/customfield", json=body).status_code == 403
    assert jn.api.get("account/settings").status_code == 200
    assert jn.api.get("contacts").status_code == 200
    jn.sim.settings(settings_need_permission=True)
    assert jn.api.get("account/settings").status_code == 403


def test_a_profile_with_nothing_is_forbidden_everything(jn: Desk) -> None:
    """The none profile gets 403 for records, settings and users, or empty lists where the account answers so."""
    jn.sim.act("key", key="k0", profile="none")
    jn.api.headers["Authorization"] = "Bearer k0"
    paths = ["contacts", "jobs", "activities", "account/settings", "account/users"]
    assert [jn.api.get(path).status_code for path in paths] == [403] * 5
    jn.sim.settings(denied_lists="empty")
    assert jn.page("jobs") == {"count": 0, "results": []}


def test_a_revoked_key_is_refused_in_mid_run(jn: Desk) -> None:
    """A key that worked answers 401 after it was revoked, and works again when it is made anew."""
    assert jn.api.get("jobs").status_code == 200
    jn.sim.act("revoke")
    assert jn.api.get("jobs").status_code == 401
    jn.sim.act("key")
    assert jn.api.get("jobs").status_code == 200


def test_too_many_requests_are_refused_with_and_without_retry_after(jn: Desk) -> None:
    """Above the rate comes 429; Retry-After stands there or not by switch; control calls are not counted."""
    jn.sim.settings(rate="3/60")
    assert [jn.api.get("jobs").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert 1 <= int(jn.api.get("jobs").headers["retry-after"]) <= 60
    jn.sim.settings(rate_retry_after=False, rate_body="json")
    answer = jn.api.get("jobs")
    assert "retry-after" not in answer.headers
    assert answer.json() == {"message": "Too many requests"}


def test_actor_makes_the_call_run_as_that_person(jn: Desk) -> None:
    """With `actor` the record is made by that team member."""
    made = jn.post("contacts", {"actor": "kim.larsen@example.com"}, first_name="Ann").json()
    assert made["created_by_name"] == "Kim Larsen"


# -- routes


def test_there_is_no_delete_and_unknown_paths_are_404(jn: Desk) -> None:
    """DELETE on records is no verb of this API; estimates and the like are not served."""
    jnid = jn.contact("Ann")
    assert jn.api.delete(f"contacts/{jnid}").status_code in (404, 405)
    assert jn.api.get("estimates/abc").status_code == 404
    assert jn.api.get("contacts/unknown").status_code == 404


def test_settings_and_users_have_the_vendors_shapes(jn: Desk) -> None:
    """Workflows with status flags, mixed casing elsewhere, five people of whom one is inactive, no custom fields."""
    settings = jn.api.get("account/settings").json()
    flows = {flow["name"]: flow for flow in settings["workflows"]}
    assert {name: flow["object_type"] for name, flow in flows.items()} == {
        "Customer": "contact",
        "Roofing": "job",
        "Repair": "job",
    }
    assert [status["name"] for status in flows["Repair"]["status"]] == ["Lead", "Scheduled", "Done"]
    lost = next(status for status in flows["Roofing"]["status"] if status["name"] == "Lost")
    assert (lost["is_lead"], lost["is_closed"], lost["is_archived"]) == (False, True, True)
    assert [source["SourceName"] for source in settings["sources"]][:2] == ["Website", "Referral"]
    assert "customFields" not in settings
    assert jn.api.get("account/settings", params={"field": "workflows"}).json() == settings["workflows"]
    users = jn.api.get("account/users").json()["users"]
    assert {user["email"].split("@")[0]: user["is_active"] for user in users} == {
        "dana.reyes": True,
        "sam.okafor": True,
        "kim.larsen": True,
        "pat.nguyen": True,
        "lee.moretti": False,
    }
    assert "phone" not in str(users)


def test_a_custom_field_is_defined_once(jn: Desk) -> None:
    """Posting a new title numbers it on; posting it again answers with the existing definition."""
    body = {"title": "Permit", "object_type": "job", "type": "dropdown", "options": ["Yes", "No"]}
    first = jn.api.post("account/customfield", json=body).json()
    assert (first["field"], first["is_ddn"]) == ("cf_string_5", True)
    assert jn.api.post("account/customfield", json=body).json() == first
    jn.sim.settings(custom_field_definitions="settings")
    told = jn.api.get("account/settings", params={"field": "customFields"}).json()
    assert "Permit" in [each["title"] for each in told]


def test_team_members_are_contacts(jn: Desk) -> None:
    """Each user is a contact with is_user true, under the user's id."""
    users = {user["id"] for user in jn.api.get("account/users").json()["users"]}
    assert {row["jnid"] for row in jn.page("contacts")["results"] if row["is_user"]} == users


# -- creating


def test_a_contact_gets_the_account_defaults_and_its_built_name(jn: Desk) -> None:
    """Without workflow and status the first ones apply; display_name is built from the names, or the company."""
    made = jn.post("contacts", first_name=" Ann ", last_name="Lee").json()
    assert (made["display_name"], made["record_type_name"], made["status_name"]) == ("Ann Lee", "Customer", "Lead")
    assert made["number"] == str(made["recid"])
    assert made["date_created"] == made["date_updated"] == made["date_status_change"]
    assert jn.post("contacts", company="Lee LLC").json()["display_name"] == "Lee LLC"
    assert jn.post("contacts", email="a@example.com").status_code == 400
    jn.sim.settings(strict_create="all")
    assert jn.post("contacts", first_name="Bo").status_code == 400


def test_a_job_needs_name_workflow_and_status(jn: Desk) -> None:
    """Each of the three is demanded; a job points to its contact and repeats its phones."""
    contact = jn.contact("Ann", home_phone="512-555-0101")
    whole = {"name": "Roof", "record_type_name": "Roofing", "status_name": "lead", "primary": {"id": contact}}
    for name in ("name", "record_type_name", "status_name"):
        assert jn.post("jobs", **{key: value for key, value in whole.items() if key != name}).status_code == 400
    made = jn.post("jobs", **whole).json()
    assert made["primary"] == {"id": contact, "type": "contact", "name": "Ann", "number": made["primary"]["number"]}
    assert made["related"] == [made["primary"]]
    assert (made["status_name"], made["parent_home_phone"]) == ("Lead", "512-555-0101")


def test_a_bad_primary_is_a_500(jn: Desk) -> None:
    """The vendor answers a client's mistake with a 500 here, and nothing is stored."""
    body = {"name": "Roof", "record_type_name": "Roofing", "status_name": "Lead", "primary": {"id": "nope"}}
    answer = jn.post("jobs", **body)
    assert (answer.status_code, answer.text) == (500, "Attempt to relate to invalid document")
    assert jn.sim.records("jobs") == []


def test_names_are_unique_in_the_account_without_regard_to_case(jn: Desk) -> None:
    """A second contact or job of a living name is refused on create and update; deleted ones count by switch."""
    ann, bo = jn.contact("Ann Lee"), jn.contact("Bo")
    answer = jn.post("contacts", first_name="ANN", last_name="lee")
    assert (answer.status_code, answer.text) == (400, "Duplicate contact exists")
    assert jn.put("contacts", bo, display_name="ann lee").status_code == 400
    assert jn.put("contacts", ann, display_name="ANN LEE").status_code == 200
    assert jn.put("contacts", bo, display_name="Bob").status_code == 200
    assert jn.post("contacts", display_name="Bo").status_code == 200
    jn.sim.settings(error_body="json")
    jn.job("Roof")
    answer = jn.post("jobs", name="roof", record_type_name="Repair", status_name="Lead")
    assert (answer.status_code, answer.json()) == (400, {"message": "Duplicate job exists"})
    jn.put("contacts", ann, is_active=False)
    jn.sim.settings(unique_counts_inactive=True)
    assert jn.post("contacts", display_name="Ann Lee").status_code == 400
    jn.sim.settings(unique_counts_inactive=False)
    assert jn.post("contacts", display_name="Ann Lee").status_code == 200


# -- changing


def test_put_merges_and_drops_unknown_and_read_only_keys(jn: Desk) -> None:
    """Keys not named stay; unknown keys, computed totals and the vendor's stamps are ignored without a word."""
    jnid = jn.contact("Ann", email="ann@example.com", tags=["a", "b"])
    answer = jn.put("contacts", jnid, phone="1", approved_invoice_total=5, date_updated=1, jnid="x", tags=["c"])
    assert answer.status_code == 200
    after = jn.get("contacts", jnid)
    assert after == answer.json()
    assert (after["email"], after["tags"], after["approved_invoice_total"]) == ("ann@example.com", ["c"], None)
    assert "phone" not in after
    assert after["date_updated"] > 1


def test_date_updated_moves_on_every_put_and_status_change_only_with_the_status(jn: Desk) -> None:
    """Stamps are whole seconds of the sandbox clock; a PUT of nothing new bumps too."""
    jnid = jn.job("Roof")
    before = jn.get("jobs", jnid)
    jn.sim.advance(10)
    same = jn.put("jobs", jnid).json()
    assert same["date_updated"] >= before["date_updated"] + 10
    assert same["date_status_change"] == before["date_status_change"]
    jn.sim.advance(10)
    moved = jn.put("jobs", jnid, status_name="Sold").json()
    assert moved["date_status_change"] == moved["date_updated"] >= same["date_updated"] + 10


def test_status_belongs_to_its_workflow(jn: Desk) -> None:
    """A foreign status is refused (or ignored by switch); both names together move the job; ids do as well."""
    jnid = jn.job("Roof")
    assert jn.put("jobs", jnid, status_name="Done").status_code == 400
    assert jn.put("jobs", jnid, record_type_name="Repair", status_name="Done").json()["status"] == 367
    assert jn.put("jobs", jnid, record_type=2, status=358).json()["status_name"] == "Sold"
    assert jn.put("jobs", jnid, record_type_name="Repair").status_code == 400
    jn.sim.settings(foreign_status="ignored")
    assert jn.put("jobs", jnid, status_name="Done").json()["status_name"] == "Sold"


def test_a_status_decides_whether_the_job_is_archived(jn: Desk) -> None:
    """is_archived follows the flag of the status."""
    jnid = jn.job("Roof")
    assert jn.put("jobs", jnid, status_name="Lost").json()["is_archived"] is True
    assert jn.put("jobs", jnid, status_name="Lead").json()["is_archived"] is False


def test_names_and_ids_of_source_and_representative_are_resolved(jn: Desk) -> None:
    """Either form fills both; unknown ones are refused or ignored by switch; empty clears."""
    users = {user["first_name"]: user["id"] for user in jn.api.get("account/users").json()["users"]}
    jnid = jn.job("Roof", source_name="referral", sales_rep_name="Kim Larsen")
    row = jn.get("jobs", jnid)
    assert (row["source"], row["source_name"], row["sales_rep"]) == (2, "Referral", users["Kim"])
    assert jn.put("jobs", jnid, sales_rep=users["Sam"]).json()["sales_rep_name"] == "Sam Okafor"
    assert jn.put("jobs", jnid, source_name="Radio").status_code == 400
    assert jn.put("jobs", jnid, sales_rep="nobody").status_code == 400
    jn.sim.settings(unknown_source="ignored", unknown_user="ignored")
    assert jn.put("jobs", jnid, source_name="Radio", sales_rep="x").json()["source_name"] == "Referral"
    assert jn.put("jobs", jnid, source_name=None, sales_rep="").json()["sales_rep_name"] is None
    assert jn.put("jobs", jnid, owners=[{"id": users["Pat"]}]).json()["owners"] == [{"id": users["Pat"]}]


def test_custom_fields_are_written_and_read_by_key_and_label(jn: Desk) -> None:
    """Both names are accepted, the key wins, both come back (or one, by switch), and blanks are left out."""
    jnid = jn.job("Roof", **{"Claim Number": "C-1", "cf_string_3": "Metal", "Deductible": 1000.5, "cf_boolean_1": True})
    row = jn.get("jobs", jnid)
    assert (row["cf_string_1"], row["Claim Number"], row["Roof Type"]) == ("C-1", "C-1", "Metal")
    assert (row["cf_double_1"], row["Insurance Job"]) == (1000.5, True)
    assert "cf_date_1" not in row
    assert "Date of Loss" not in row
    assert jn.put("jobs", jnid, **{"cf_string_1": "new", "Claim Number": "old"}).json()["Claim Number"] == "new"
    assert jn.put("jobs", jnid, **{"Claim Number": "C-3"}).json()["cf_string_1"] == "C-3"
    jn.sim.settings(custom_fields_as="labels", empties="null")
    row = jn.get("jobs", jnid)
    assert "cf_string_1" not in row
    assert row["Date of Loss"] is None
    jn.sim.settings(custom_fields_as="cf", empties="omit")
    row = jn.get("jobs", jnid)
    assert "Claim Number" not in row
    assert "description" not in row


def test_dates_are_numbers_and_milliseconds_stay_as_given(jn: Desk) -> None:
    """Unix seconds are stored, milliseconds too, an ISO text is refused."""
    jnid = jn.job("Roof", cf_date_1=1_700_000_000, date_start=1_700_000_000_000)
    row = jn.get("jobs", jnid)
    assert (row["Date of Loss"], row["date_start"]) == (1_700_000_000, 1_700_000_000_000)
    assert jn.put("jobs", jnid, cf_date_1="2024-09-11").status_code == 400
    assert jn.put("jobs", jnid, cf_date_1=True).status_code == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [("tags", "a"), ("owners", ["id"]), ("email", {"a": 1}), ("is_active", "maybe"), ("actual_time", "long")],
)
def test_values_of_another_shape_are_refused(jn: Desk, name: str, value: object) -> None:
    """A wrong JSON type is a 400 naming the field."""
    answer = jn.put("contacts", jn.contact("Ann"), **{name: value})
    assert answer.status_code == 400
    assert name in answer.text


def test_bodies_that_are_no_json_object_are_refused(jn: Desk) -> None:
    """Broken JSON is a 400, multipart the vendor's 500."""
    assert jn.api.post("contacts", content=b"{").status_code == 400
    assert jn.api.post("contacts", content=b"[]").status_code == 400
    answer = jn.api.post("contacts", files={"file": b"x"})
    assert (answer.status_code, answer.text) == (500, "Invalid parameters")


def test_required_fields_and_drop_downs_bind_only_by_switch(jn: Desk) -> None:
    """What nobody knows of required fields and option lists can be had both ways."""
    required = {"title": "Permit", "object_type": "contact", "type": "string", "is_required": True}
    jn.api.post("account/customfield", json=required)
    assert jn.post("contacts", display_name="Ann", external_id="7").status_code == 200
    assert jn.post("jobs", name="A", record_type=2, status=355, **{"Roof Type": "Straw"}).status_code == 200
    jn.sim.settings(required_enforced=True, dropdown_enforced=True, external_id_writable=False)
    assert jn.post("contacts", display_name="Bo").status_code == 400
    made = jn.post("contacts", display_name="Bo", Permit="yes", external_id="8").json()
    assert made["external_id"] is None
    assert jn.post("jobs", name="B", record_type=2, status=355, **{"Roof Type": "Straw"}).status_code == 400


def test_a_job_moves_to_another_contact_by_switch(jn: Desk) -> None:
    """PUT of primary moves the job, or is ignored."""
    ann, bo = jn.contact("Ann"), jn.contact("Bo")
    jnid = jn.job("Roof", primary={"id": ann})
    assert jn.put("jobs", jnid, primary={"id": bo}).json()["primary"]["name"] == "Bo"
    jn.sim.settings(primary_moves=False)
    assert jn.put("jobs", jnid, primary={"id": ann}).json()["primary"]["name"] == "Bo"


def test_a_contacts_new_phone_reaches_its_jobs(jn: Desk) -> None:
    """The copies change without moving the job's date_updated, or with it by switch."""
    ann = jn.contact("Ann", home_phone="1")
    jnid = jn.job("Roof", primary={"id": ann})
    before = jn.get("jobs", jnid)["date_updated"]
    jn.sim.advance(10)
    jn.put("contacts", ann, home_phone="2", display_name="Ann B")
    row = jn.get("jobs", jnid)
    assert (row["parent_home_phone"], row["primary"]["name"], row["date_updated"]) == ("2", "Ann B", before)
    jn.sim.settings(parent_change_bumps_job=True)
    jn.put("contacts", ann, home_phone="3")
    assert jn.get("jobs", jnid)["date_updated"] >= before + 10


def test_deleting_is_is_active_false(jn: Desk) -> None:
    """A deleted record stays readable by id and leaves the lists, unless the switch shows it."""
    jnid = jn.contact("Ann")
    assert jn.put("contacts", jnid, is_active=False).status_code == 200
    assert jn.get("contacts", jnid)["is_active"] is False
    assert jnid not in jn.ids("contacts")
    jn.sim.settings(inactive_in_lists="shown")
    assert jnid in jn.ids("contacts")


# -- activities


def test_every_write_leaves_an_activity(jn: Desk) -> None:
    """Created, Modified and Deleted entries point at the record; a status change says which status."""
    jnid = jn.job("Roof")
    jn.put("jobs", jnid, description="x")
    jn.put("jobs", jnid, status_name="Sold")
    jn.put("jobs", jnid, is_active=False)
    entries = jn.page("activities", {"must": [{"term": {"primary.id": jnid}}]})["activity"]
    assert sorted(entry["record_type_name"] for entry in entries) == [
        "Job Created",
        "Job Deleted",
        "Job Modified",
        "Job Modified",
    ]
    (moved,) = [entry for entry in entries if entry["is_status_change"]]
    assert moved["primary"]["new_status"] == 358
    assert jn.get("activities", moved["jnid"]) == moved


def test_a_note_bumps_its_job_by_switch(jn: Desk) -> None:
    """A note hangs on its primary and moves date_updated there, or not."""
    jnid = jn.job("Roof")
    before = jn.get("jobs", jnid)["date_updated"]
    jn.sim.advance(10)
    body = {"note": "hello", "record_type_name": "Note", "primary": {"id": jnid}}
    made = jn.post("activities", **body).json()
    assert (made["note"], made["record_type"], made["primary"]["id"]) == ("hello", 1, jnid)
    bumped = jn.get("jobs", jnid)["date_updated"]
    assert bumped >= before + 10
    jn.sim.settings(note_bumps=False)
    jn.sim.advance(10)
    jn.post("activities", **body)
    assert jn.get("jobs", jnid)["date_updated"] == bumped
    assert jn.post("activities", note="x", primary={"id": "nope"}).status_code == 500


# -- skip, bulk, faults


def test_skip_keeps_automations_and_notifications_quiet(jn: Desk) -> None:
    """Each word of `skip` silences its effect for that write."""
    jnid = jn.contact("Ann")
    assert [each["effect"] for each in jn.sim.act("automations")["fired"]] == ["automation", "notification"]
    jn.put("contacts", jnid, {"skip": "automation,notification"}, company="x")
    assert len(jn.sim.act("automations")["fired"]) == 2
    jn.put("contacts", jnid, {"skip": "automation"}, company="y")
    assert jn.sim.act("automations")["fired"][2:] == [
        {"kind": "contacts", "id": jnid, "event": "Contact Modified", "effect": "notification"}
    ]


def test_bulk_answers_before_it_stores(jn: Desk) -> None:
    """With bulk=true the answer comes first and the record later."""
    jn.sim.clock(freeze=True)
    made = jn.post("contacts", {"bulk": "true"}, display_name="Ann").json()
    assert jn.api.get(f"contacts/{made['jnid']}").status_code == 404
    assert jn.sim._get("settled")["settled"] is False
    jn.sim.settle()
    assert jn.get("contacts", made["jnid"])["display_name"] == "Ann"


def test_a_500_after_the_post_was_applied_leaves_the_record(jn: Desk) -> None:
    """The client hears 500 although the record exists: nobody may send it again blindly."""
    jn.sim.faults({"fault": "500", "apply": True, "methods": ["POST"], "times": 1})
    answer = jn.post("contacts", display_name="Ann")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert [row["display_name"] for row in jn.sim.records("contacts") if not row["is_user"]] == ["Ann"]


@pytest.mark.parametrize(
    ("fault", "status"), [("401", 401), ("429", 429), ("503", 503), ("html", 502), ("truncate", None), ("reset", None)]
)
def test_faults_are_played_in_the_vendors_manner(jn: Desk, fault: str, status: int | None) -> None:
    """Error answers, HTML pages, cut bodies and broken connections all reach the client."""
    jn.sim.faults({"fault": fault, "times": 1})
    if status is None:
        with pytest.raises(httpx.HTTPError):
            jn.api.get("contacts")
    else:
        answer = jn.api.get("contacts")
        assert answer.status_code == status
        assert fault != "401" or answer.json()["body"] == "Authentication required"
    assert jn.api.get("contacts").status_code == 200
