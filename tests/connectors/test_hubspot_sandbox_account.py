"""The HubSpot sandbox behind a real socket: tokens, scopes, rates, properties, pipelines, owners, account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.kit.control import ControlError
from tests.connectors.hubspot_sandbox_desk import Desk, desk


@pytest.fixture
def hs() -> Iterator[Desk]:
    with desk() as made:
        yield made


# -- tokens and scopes


def test_an_unknown_token_is_a_401(hs: Desk) -> None:
    """The body says INVALID_AUTHENTICATION and carries a correlation id."""
    answer = hs.ask("GET", "contacts", token="wrong")
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    assert answer.json()["correlationId"] == answer.headers["X-HubSpot-Correlation-Id"]


def test_a_token_can_be_revoked_and_can_end(hs: Desk) -> None:
    """In the middle of things a token is no longer known, or has expired."""
    hs.sim.act("token", token="short", expires_in=1800)
    hs.sim.act("token", token="other")
    assert hs.ask("GET", "contacts", token="short").status_code == 200
    hs.sim.advance(1801)
    assert hs.ask("GET", "contacts", token="short").json()["category"] == "EXPIRED_AUTHENTICATION"
    assert hs.ask("GET", "contacts", token="other").status_code == 200
    hs.sim.act("revoke", token="other")
    assert hs.ask("GET", "contacts", token="other").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "contacts", "crm.objects.contacts.read"),
        ("POST", "deals", "crm.objects.deals.write"),
        ("POST", "deals/search", "crm.objects.deals.read"),
        ("POST", "contacts/merge", "crm.objects.contacts.write"),
        ("GET", "/crm/properties/2026-03/deals", "crm.schemas.deals.read"),
        ("POST", "/crm/properties/2026-03/deals", "crm.schemas.deals.write"),
        ("GET", "/crm/owners/2026-03", "crm.objects.owners.read"),
        ("GET", "/crm/pipelines/2026-03/deals", "crm.schemas.deals.read"),
    ],
)
def test_a_missing_scope_is_a_403_that_names_it(hs: Desk, method: str, path: str, scope: str) -> None:
    """Every area wants its own scope, and works once the token has it."""
    hs.sim.act("token", token="bare", scopes=[])
    body: dict[str, str] | None = {} if method == "POST" else None
    answer = hs.ask(method, path, body, token="bare")
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert scope in answer.json()["errors"][0]["context"]["requiredGranularScopes"]
    hs.sim.act("token", token="bare", scopes=[scope])
    assert hs.ask(method, path, body, token="bare").status_code != 403


def test_writes_carry_the_id_of_the_tokens_app(hs: Desk) -> None:
    """Records and histories tell apps apart; the switch hides the id as a service key might."""
    hs.sim.act("token", token="other", app_id="777")
    hs.ask("POST", "contacts", {"properties": {"lastname": "Ng"}}, token="other")
    assert hs.sim.records("contacts")[0]["properties"]["hs_object_source_id"] == "777"
    hs.sim.settings(history_source_id="none")
    hs.contact(lastname="Wu")
    assert "hs_object_source_id" not in hs.sim.records("contacts")[1]["properties"]


# -- rates


def test_the_ten_second_limit(hs: Desk) -> None:
    """Headers count down, then a 429 says TEN_SECONDLY_ROLLING without Retry-After; another app has its own budget."""
    hs.sim.settings(rate="3/10")
    answers = [hs.ask("GET", "contacts") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    left = [each.headers["X-HubSpot-RateLimit-Remaining"] for each in answers]
    assert left == ["2", "1", "0", "0"]
    body = answers[-1].json()
    assert (body["policyName"], body["errorType"]) == ("TEN_SECONDLY_ROLLING", "RATE_LIMIT")
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert "Retry-After" not in answers[-1].headers
    assert hs.ask("POST", "contacts/search", {}).status_code == 200
    hs.sim.act("token", token="other")
    assert hs.ask("GET", "contacts", token="other").status_code == 200


@pytest.mark.parametrize(
    ("rate", "most", "day"), [("free", "100", True), ("pro", "190", True), ("oauth", "110", False)]
)
def test_plans_have_their_own_rates(hs: Desk, rate: str, most: str, day: bool) -> None:
    """The headers tell the plan's limit; OAuth apps are not told of the day."""
    hs.sim.settings(rate=rate)
    headers = hs.ask("GET", "contacts").headers
    assert headers["X-HubSpot-RateLimit-Max"] == most
    assert headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert ("X-HubSpot-RateLimit-Daily-Remaining" in headers) == day


def test_a_429_may_say_when_to_come_again(hs: Desk) -> None:
    """By switch the answer carries Retry-After in seconds."""
    hs.sim.settings(rate="1/10", retry_after=True)
    hs.ask("GET", "contacts")
    assert 1 <= int(hs.ask("GET", "contacts").headers["Retry-After"]) <= 10


def test_searches_share_five_a_second(hs: Desk) -> None:
    """The account's searches are counted across types and tokens, and carry no rate headers."""
    hs.sim.settings(rate="pro")
    hs.sim.act("token", token="other")
    kinds = ["contacts", "deals", "companies"] * 2
    answers = [hs.ask("POST", f"{kind}/search", {}, token="other" if n % 2 else None) for n, kind in enumerate(kinds)]
    assert [each.status_code for each in answers] == [200] * 5 + [429]
    assert answers[-1].json()["policyName"] == "SECONDLY"
    assert not [name for each in answers for name in each.headers if "ratelimit" in name.lower()]


def test_other_apps_take_from_the_search_budget(hs: Desk) -> None:
    """Searches of other apps leave less for us, and the policy's name is a switch."""
    hs.sim.settings(rate="pro", other_apps_search=4, search_policy="PER_SECOND")
    answers = [hs.ask("POST", "contacts/search", {}) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 429]
    assert answers[1].json()["policyName"] == "PER_SECOND"


def test_the_daily_limit_ends_at_the_portals_midnight(hs: Desk) -> None:
    """After the day's requests comes DAILY, until midnight in the portal's zone; the usage can be asked for."""
    hs.sim.clock(set="2026-06-01T23:00:00-05:00")
    hs.sim.settings(rate="pro", daily=3)
    usage = "/account-info/v3/api-usage/daily/private-apps"
    hs.ask("GET", "contacts")
    assert hs.get(usage)["results"][0]["currentUsage"] == 2
    hs.ask("GET", "contacts")
    assert hs.ask("GET", "contacts").json()["policyName"] == "DAILY"
    hs.sim.clock(set="2026-06-02T00:30:00-05:00")
    assert hs.ask("GET", "contacts").status_code == 200


def test_a_burst_of_writes_locks_for_two_seconds(hs: Desk) -> None:
    """More writes than the switch allows are a 423; reads go on."""
    hs.sim.settings(rate="pro", write_burst={"writes": 2, "seconds": 1})
    answers = [hs.ask("POST", "contacts", {"properties": {"lastname": "Ng"}}) for _ in range(3)]
    assert [each.status_code for each in answers] == [201, 201, 423]
    assert hs.ask("GET", "contacts").status_code == 200
    assert len(hs.sim.records("contacts")) == 2


def test_a_migrating_portal_answers_477(hs: Desk) -> None:
    """Every call says when to come again."""
    hs.sim.settings(migrating=30)
    answer = hs.ask("GET", "contacts")
    assert (answer.status_code, answer.headers["Retry-After"]) == (477, "30")


def test_an_unknown_rate_is_a_control_error(hs: Desk) -> None:
    """A switch that says nothing is refused with what is known."""
    with pytest.raises(ControlError, match="off, free, pro"):
        hs.sim.settings(rate="fast")


# -- properties


@pytest.mark.parametrize("base", ["/crm/properties/2026-03", "/crm/properties/2026-09", "/crm/v3/properties"])
def test_a_unique_property_is_made_read_and_archived(hs: Desk, base: str) -> None:
    """POST makes it with 201, GET shows it, a second POST is a 409, DELETE takes it away from reads and writes."""
    body = {
        "name": "syncd_id",
        "label": "Sync id",
        "type": "string",
        "fieldType": "text",
        "groupName": "contactinformation",
        "hasUniqueValue": True,
    }
    assert hs.ask("POST", f"{base}/contacts", body).status_code == 201
    assert hs.ask("POST", f"{base}/contacts", body).status_code == 409
    assert hs.get(f"{base}/contacts/syncd_id")["hasUniqueValue"] is True
    made = hs.contact(lastname="Ng", syncd_id="k1")
    assert hs.ask("DELETE", f"{base}/contacts/syncd_id").status_code == 204
    assert "syncd_id" not in hs.values("contacts", made, "syncd_id")
    assert "PROPERTY_DOESNT_EXIST" in hs.write("contacts", made, syncd_id="k2").text
    assert [each["name"] for each in hs.get(f"{base}/contacts", archived="true")["results"]] == ["syncd_id"]


@pytest.mark.parametrize("wrong", [{"fieldType": "number"}, {"groupName": "nowhere"}, {"label": ""}])
def test_a_bad_definition_is_refused(hs: Desk, wrong: dict[str, str]) -> None:
    """Type and field type must fit, the group must exist, the label must be there."""
    good = {"name": "x", "label": "X", "type": "string", "fieldType": "text", "groupName": "dealinformation"}
    assert hs.ask("POST", "/crm/properties/2026-03/deals", {**good, **wrong}).status_code == 400


def test_property_groups_are_listed_and_made(hs: Desk) -> None:
    """A new group can be used by a new property; its name is taken then."""
    base = "/crm/properties/2026-03/contacts"
    group = {"name": "syncd", "label": "Sync"}
    assert hs.ask("POST", f"{base}/groups", group).status_code == 201
    assert hs.ask("POST", f"{base}/groups", group).status_code == 409
    assert [each["name"] for each in hs.get(f"{base}/groups")["results"]] == ["contactinformation", "syncd"]
    assert hs.property("contacts", "syncd_id", groupName="syncd")["groupName"] == "syncd"


def test_ten_unique_properties_are_the_most(hs: Desk) -> None:
    """The eleventh is refused."""
    for n in range(10):
        hs.property("deals", f"key{n}", hasUniqueValue=True)
    with pytest.raises(AssertionError, match="at most 10"):
        hs.property("deals", "key10", hasUniqueValue=True)


def test_definitions_tell_types_options_and_what_is_read_only(hs: Desk) -> None:
    """The definitions a connector plans with: options by value, read-only flags, owners and stages kept elsewhere."""
    found = {each["name"]: each for each in hs.get("/crm/properties/2026-03/deals")["results"]}
    assert [each["value"] for each in found["roof_type"]["options"]] == ["Asphalt Shingle", "Metal", "Tile", "Flat"]
    assert (found["date_of_loss"]["type"], found["inspection_date"]["type"]) == ("date", "datetime")
    assert found["hs_object_id"]["modificationMetadata"]["readOnlyValue"] is True
    assert found["num_associated_contacts"]["calculated"] is True
    assert (found["dealstage"]["externalOptions"], found["dealstage"]["options"]) == (True, [])
    assert found["hubspot_owner_id"]["referencedObjectType"] == "OWNER"
    assert found["close_note"]["hubspotDefined"] is False


def test_an_admin_changes_the_schema(hs: Desk) -> None:
    """A property archived, renamed or without an option is seen by reads and writes at once."""
    made = hs.deal(roof_type="Metal", job_number="7")
    hs.sim.act("option_remove", "deals", name="roof_type", option="Metal")
    assert hs.values("deals", made, "roof_type")["roof_type"] == "Metal"
    assert "INVALID_OPTION" in hs.write("deals", made, roof_type="Metal").text
    hs.sim.act("property_archive", "deals", name="job_number")
    assert "job_number" not in hs.values("deals", made, "job_number")
    hs.sim.act("property_rename", "deals", name="close_note", label="Closing words")
    assert hs.get("/crm/properties/2026-03/deals/close_note")["label"] == "Closing words"


# -- people and pipelines


def test_owners_are_listed_found_and_deactivated(hs: Desk) -> None:
    """Ids are texts, user ids cannot own records, a deactivated owner has none and owns nothing new."""
    first = hs.get("/crm/owners/2026-03", limit=2)
    assert len(first["results"]) == 2
    assert len(hs.get("/crm/v3/owners/", after=first["paging"]["next"]["after"])["results"]) == 3
    email = "lee.moretti@example.com"
    (priya,) = hs.get("/crm/owners/2026-03", email=email)["results"]
    made = hs.contact(lastname="Ng", hubspot_owner_id=priya["id"])
    hs.sim.act("owner_deactivate", id=email)
    assert hs.get("/crm/owners/2026-03", email=email)["results"] == []
    archived = hs.get(f"/crm/owners/2026-03/{priya['id']}", archived="true")
    assert (archived["userId"], archived["userIdIncludingInactive"]) == (None, priya["userId"])
    assert hs.values("contacts", made, "hubspot_owner_id")["hubspot_owner_id"] == priya["id"]
    assert hs.write("contacts", made, hubspot_owner_id="").status_code == 200
    assert hs.write("contacts", made, hubspot_owner_id=priya["id"]).status_code == 400


def test_pipelines_show_stages_and_keep_those_in_use(hs: Desk) -> None:
    """Two pipelines, one with numeric stage ids; a stage with deals cannot be deleted."""
    default, claims = hs.get("/crm/pipelines/2026-03/deals")["results"]
    assert [stage["id"] for stage in default["stages"]][-2:] == ["closedwon", "closedlost"]
    assert default["stages"][-1]["metadata"] == {"probability": "0.0", "isClosed": "true"}
    assert all(stage["id"].isdigit() for stage in claims["stages"])
    hs.deal(dealstage="contractsent")
    path = "/crm/pipelines/2026-03/deals/default/stages"
    refused = hs.ask("DELETE", f"{path}/contractsent")
    assert (refused.status_code, refused.json()["subCategory"]) == (400, "PipelineError.STAGE_ID_IN_USE")
    assert hs.ask("DELETE", f"{path}/presentationscheduled").status_code == 204
    assert "presentationscheduled" not in [stage["id"] for stage in hs.get(path)["results"]]


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_the_account_tells_its_id_and_zone(hs: Desk, version: str) -> None:
    """What a start-up check asks first."""
    found = hs.get(f"/account-info/{version}/details")
    assert (found["portalId"], found["timeZone"]) == (24768100, "America/Chicago")


def test_broken_json_is_a_400(hs: Desk) -> None:
    """A body that is no JSON, or not an object, is refused."""
    raw = hs.api.post("/crm/objects/2026-03/contacts", content=b"{")
    assert (raw.status_code, raw.json()["status"]) == (400, "error")
    assert hs.ask("POST", "contacts", [1]).status_code == 400


def test_a_played_fault_has_hubspots_shape(hs: Desk) -> None:
    """Faults of the control protocol answer with the vendor's categories and ids."""
    hs.sim.faults({"fault": "429", "times": 1}, {"fault": "401", "times": 1})
    bodies = [hs.ask("GET", "contacts").json() for _ in range(2)]
    assert bodies[0]["policyName"] == "TEN_SECONDLY_ROLLING"
    assert bodies[1]["category"] == "EXPIRED_AUTHENTICATION"
