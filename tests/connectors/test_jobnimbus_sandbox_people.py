"""What people do in the JobNimbus sandbox: verbs, invented customers, imports, and who changed what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.kit.control import ControlError
from syncd.kit.people import people
from tests.connectors.jobnimbus_sandbox_desk import Desk, desk


@pytest.fixture
def jn() -> Iterator[Desk]:
    with desk() as made:
        yield made


def _customers(jn: Desk) -> list[dict[str, object]]:
    return [row for row in jn.sim.records("contacts") if not row["is_user"]]


def test_a_person_creates_and_changes_and_history_tells_who(jn: Desk) -> None:
    """Verbs take labels and typed dates; the history keeps each change with the person or the API."""
    jnid = jn.sim.act("create", "contacts", fields={"first_name": "Ann"}, as_="kim.larsen@example.com")["id"]
    assert jn.get("contacts", jnid)["created_by_name"] == "Kim Larsen"
    jn.put("contacts", jnid, company="X")
    jn.sim.act("update", "contacts", id=jnid, fields={"Preferred Contact": "Phone"}, as_="Sam Okafor")
    history = jn.sim.history("contacts", jnid)
    assert [(entry["by"], entry["via"]) for entry in history] == [
        ("kim.larsen@example.com", "person"),
        ("dana.reyes@example.com", "api"),
        ("sam.okafor@example.com", "person"),
    ]
    assert history[1]["fields"] == {"company": [None, "X"]}
    assert history[2]["fields"] == {"cf_string_2": [None, "Phone"]}


def test_a_persons_job_takes_the_defaults_and_their_zone(jn: Desk) -> None:
    """A job made by a person starts in the first workflow; a typed date is midnight in the account's zone."""
    fields = {"name": "Roof", "Date of Loss": "2026-03-08", "approved_estimate_total": 9000.5}
    jnid = jn.sim.act("create", "jobs", fields=fields)["id"]
    row = jn.get("jobs", jnid)
    assert (row["record_type_name"], row["status_name"], row["approved_estimate_total"]) == ("Roofing", "Lead", 9000.5)
    assert row["Date of Loss"] == 1772949600  # 2026-03-08T06:00Z: the morning the clocks go forward


def test_verbs_explain_what_is_wrong(jn: Desk) -> None:
    """Unknown verbs, kinds, fields, people and records are named, and the vendor's refusals come through."""
    for words, action in (
        ("unknown verb", {"do": "dance"}),
        ("unknown tasks", {"do": "create", "kind": "tasks"}),
        ("unknown shoe", {"do": "create", "kind": "contacts", "fields": {"shoe": 1}}),
        ("no user", {"do": "create", "kind": "contacts", "fields": {"first_name": "A"}, "as": "nobody"}),
        ("no contacts x", {"do": "update", "kind": "contacts", "id": "x"}),
        ("is no date", {"do": "create", "kind": "jobs", "fields": {"name": "R", "Date of Loss": "soon"}}),
    ):
        with pytest.raises(ControlError, match=words):
            jn.sim._post("act", action)
    jn.contact("Ann")
    with pytest.raises(ControlError, match="Duplicate contact exists"):
        jn.sim.act("create", "contacts", fields={"display_name": "ann"})


def test_archive_restore_and_delete(jn: Desk) -> None:
    """Archive is is_active false, restore brings it back, delete takes even the id away."""
    jnid = jn.contact("Ann")
    jn.sim.act("archive", "contacts", id=jnid)
    assert jn.get("contacts", jnid)["is_active"] is False
    jn.sim.act("restore", "contacts", id=jnid)
    assert jnid in jn.ids("contacts")
    jn.sim.act("delete", "contacts", id=jnid)
    assert jn.api.get(f"contacts/{jnid}").status_code == 404
    assert jnid not in jn.ids("contacts")


@pytest.mark.parametrize(("switch", "left"), [("inactive", 200), ("deleted", 404)])
def test_a_merge_fills_blanks_and_moves_jobs(jn: Desk, switch: str, left: int) -> None:
    """The winner keeps its values, takes what it lacks and the loser's jobs; the loser is inactive or gone."""
    jn.sim.settings(merge_loser=switch)
    ann = jn.contact("Ann", email="a@example.com")
    anna = jn.contact("Anna", email="b@example.com", home_phone="1", **{"Preferred Contact": "Phone"})
    job = jn.job("Roof", primary={"id": anna})
    with pytest.raises(ControlError, match="with itself"):
        jn.sim.act("merge", "contacts", id=ann, into=ann)
    assert jn.sim.act("merge", "contacts", id=anna, into=ann) == {"id": ann}
    winner = jn.get("contacts", ann)
    assert (winner["email"], winner["home_phone"], winner["Preferred Contact"]) == ("a@example.com", "1", "Phone")
    assert jn.get("jobs", job)["primary"]["id"] == ann
    answer = jn.api.get(f"contacts/{anna}")
    assert answer.status_code == left
    assert left == 404 or answer.json()["is_active"] is False


def test_an_automation_is_no_person(jn: Desk) -> None:
    """A change by the account's own automations stands as `system` in the history."""
    jnid = jn.contact("Ann")
    jn.sim.act("update", "contacts", id=jnid, fields={"company": "X"}, as_="workflow:1")
    assert [entry["via"] for entry in jn.sim.history("contacts", jnid)] == ["api", "system"]


def test_more_than_a_page_gets_one_second(jn: Desk) -> None:
    """A bulk edit stamps all records with the same second."""
    jn.sim.seed(leads=1200, jobs=False)
    jn.sim.act("bulk_update", "contacts", fields={"company": "Same"})
    assert len({row["date_updated"] for row in _customers(jn)}) == 1


def test_hidden_records_answer_no_more(jn: Desk) -> None:
    """What the access profile does not see is 403 (or 404) by id and not in lists, until it is shown again."""
    jnid = jn.contact("Ann")
    jn.sim.act("hide", ids=[jnid])
    assert jn.api.get(f"contacts/{jnid}").status_code == 403
    assert jnid not in jn.ids("contacts")
    jn.sim.settings(hidden_get_status=404)
    assert jn.api.get(f"contacts/{jnid}").status_code == 404
    jn.sim.act("show", ids=[jnid])
    assert jnid in jn.ids("contacts")


def test_renamed_and_removed_fields(jn: Desk) -> None:
    """A renamed label moves in every answer; a removed field takes its values with it and is no longer accepted."""
    jnid = jn.job("Roof", cf_string_1="C-1")
    jn.sim.act("field_rename", "jobs", id="Claim Number", title="Claim No.")
    row = jn.get("jobs", jnid)
    assert row["Claim No."] == "C-1"
    assert "Claim Number" not in row
    jn.sim.act("field_remove", "jobs", id="cf_string_1")
    assert "cf_string_1" not in jn.get("jobs", jnid)
    assert jn.ids("jobs", {"must": [{"term": {"cf_string_1": "C-1"}}]}) == []
    assert "cf_string_1" not in jn.put("jobs", jnid, cf_string_1="C-2").json()


def test_a_renamed_status_reaches_old_records_without_a_stamp(jn: Desk) -> None:
    """status_name changes everywhere, date_updated does not, ids stay."""
    jnid = jn.job("Roof")
    before = jn.get("jobs", jnid)
    jn.sim.advance(5)
    jn.sim.act("status_rename", id="Lead", workflow="Roofing", name="New Lead")
    after = jn.get("jobs", jnid)
    assert after == {**before, "status_name": "New Lead"}
    assert jn.ids("jobs", {"must": [{"term": {"status_name": "New Lead"}}]}) == [jnid]


def test_a_person_leaves(jn: Desk) -> None:
    """A deactivated user is told as inactive."""
    jn.sim.act("user_deactivate", id="pat.nguyen@example.com")
    users = jn.api.get("account/users").json()["users"]
    assert {user["first_name"] for user in users if not user["is_active"]} == {"Pat", "Lee"}


def test_a_persons_note_hangs_on_the_record(jn: Desk) -> None:
    """The verb writes an activity and bumps by switch, like the API."""
    jnid = jn.job("Roof")
    note = jn.sim.act("note", "jobs", id=jnid, note="called")["id"]
    assert jn.get("activities", note)["primary"]["id"] == jnid


def test_a_seed_is_the_same_again_and_makes_jobs(jn: Desk) -> None:
    """The same seed makes the same customers, each with a job of a workflow, spread over the past."""
    assert jn.sim.seed(leads=40, seed=9) == {"contacts": 40, "jobs": 40}
    first = sorted(str(row["display_name"]) for row in _customers(jn))
    jobs = jn.sim.records("jobs")
    assert {job["record_type_name"] for job in jobs} == {"Roofing", "Repair"}
    assert {job["primary"]["id"] for job in jobs} == {row["jnid"] for row in _customers(jn)}
    assert max(job["date_created"] for job in jobs) - min(job["date_created"] for job in jobs) > 80 * 86400
    jn.sim.reset(seed=7, settings={"index_lag": 0})
    jn.sim.seed(leads=40, seed=9)
    assert sorted(str(row["display_name"]) for row in _customers(jn)) == first


def test_a_seed_under_a_running_feed_is_stamped_now(jn: Desk) -> None:
    """Once somebody has read a list, new customers do not hide in the past."""
    jn.page("contacts")
    before = int(jn.sim.clock()["seconds"])
    jn.sim.seed(leads=5)
    assert all(int(str(row["date_updated"])) >= before for row in _customers(jn))


def test_an_overlap_is_the_same_people_by_another_hand(jn: Desk) -> None:
    """The asked part of the customers shares phone or e-mail with the other system's seed; the rest does not."""
    jn.sim.seed(leads=40, seed=3, overlap=0.5, overlap_seed=1, messy=False)
    others = people(40, 1, messy=False)
    emails = {str(person.email).lower() for person in others}
    phones = {_digits(person.phone) for person in others}
    shared = [
        row
        for row in _customers(jn)
        if str(row["email"]).lower() in emails or _digits(str(row["home_phone"])) in phones
    ]
    assert len(shared) == 20


def _digits(text: str | None) -> str:
    return "".join(letter for letter in text or "" if letter.isdigit())[-10:]


def test_a_sheet_is_imported_by_names_and_labels(jn: Desk) -> None:
    """Columns by field name or label, `job.` columns make the job beside the contact, refused rows are listed."""
    sheet = (
        "first_name,last_name,email,Preferred Contact,job.name,job.Roof Type,job.Deductible,job.Insurance Job\n"
        'Zoë,Nuñez,zoe@example.com,Phone,Nuñez roof,Metal,"$1,250.50",yes\n'
        "Ann,Lee,,,,,,\n"
        "ann,lee,,,,,,\n"
    )
    told = jn.sim.import_csv("contacts", sheet)
    assert (told["created"], told["refused"]) == (2, [{"row": 3, "error": "Duplicate contact exists"}])
    job = jn.get("jobs", told["jobs"][0])
    assert (job["primary"]["name"], job["Roof Type"], job["Deductible"]) == ("Zoë Nuñez", "Metal", 1250.5)
    assert job["Insurance Job"] is True
    assert jn.get("contacts", told["ids"][0])["Preferred Contact"] == "Phone"


def test_unknown_columns_are_named(jn: Desk) -> None:
    """A sheet with a column nobody knows imports nothing and says which and what would do."""
    with pytest.raises(ControlError, match=r"unknown shoe size, job\.hat; known are .*Claim Number"):
        jn.sim.import_csv("contacts", "first_name,shoe size,job.hat\nAnn,9,x\n")
    assert _customers(jn) == []


def test_unknown_switches_are_refused(jn: Desk) -> None:
    """A misspelled switch is named, together with the known ones."""
    with pytest.raises(ControlError, match=r"index_leg.*index_lag"):
        jn.sim.settings(index_leg=1)


def test_access_is_lost_in_several_ways(jn: Desk) -> None:
    """A share of the customers hidden, lists that answer with nothing, custom fields in no answer; then all is back."""
    ids = [jn.contact(f"Ann {n}") for n in range(4)]
    jn.sim.act("update", "contacts", id=ids[0], fields={"Preferred Contact": "Phone"})
    jn.sim.settle()
    hidden = jn.sim.act("hide", "contacts", share=0.5)["ids"]
    assert len(hidden) == 2
    assert {row["jnid"] for row in jn.ask("contacts").json()["results"]} & set(ids) == set(ids) - set(hidden)
    jn.sim.act("show")
    jn.sim.settings(empty=["lists"])
    assert jn.ask("contacts").json() == {"count": 0, "results": []}
    assert jn.get("contacts", ids[0])["cf_string_2"] == "Phone"
    jn.sim.settings(empty=[], custom_fields_as="none")
    assert not {"cf_string_2", "Preferred Contact"} & jn.get("contacts", ids[0]).keys()
    assert len(jn.ask("contacts").json()["results"]) >= 4
