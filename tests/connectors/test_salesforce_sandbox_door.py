"""The Salesforce sandbox's door: tokens of three flows, sessions that die, budgets, versions, sizes of addresses."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.connectors.salesforce_sandbox_desk import BASE, Desk, code, desk

KEY = {"client_id": "sandbox-consumer-key", "client_secret": "sandbox-consumer-secret"}
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def sf() -> Iterator[Desk]:
    with desk() as made:
        yield made


def token(sf: Desk, form: dict[str, str], **more: Any) -> httpx.Response:
    return httpx.post(f"{sf.url}/services/oauth2/token", data=form, trust_env=False, **more)


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["error"], answer.json()["error_description"]


def assertion(sf: Desk, **claims: Any) -> str:
    now = time.time()
    told = {"iss": KEY["client_id"], "sub": "integration@roofing.example", "aud": sf.url, "exp": now + 120, **claims}
    parts = [json.dumps({"alg": "RS256"}), json.dumps(told)]
    head = ".".join(base64.urlsafe_b64encode(each.encode()).decode().rstrip("=") for each in parts)
    return f"{head}.c2ln"


# -- tokens


def test_client_credentials_come_in_the_form_or_as_basic(sf: Desk) -> None:
    """The answer has the address to speak to and the user, and tells no end."""
    told = token(sf, {"grant_type": "client_credentials", **KEY}).json()
    assert told["instance_url"] == sf.url and told["token_type"] == "Bearer"
    assert "expires_in" not in told and "refresh_token" not in told
    assert told["id"].split("/")[-1] == sf.ids("SELECT Id FROM User WHERE Username = 'integration@roofing.example'")[0]
    basic = token(sf, {"grant_type": "client_credentials"}, auth=(KEY["client_id"], KEY["client_secret"]))
    head = {"Authorization": f"Bearer {basic.json()['access_token']}"}
    assert sf.ask("GET", "limits", None, head).status_code == 200


def test_wrong_credentials_are_told_apart(sf: Desk) -> None:
    """An unknown consumer, a wrong secret, no flow, a flow that is closed."""
    form = {"grant_type": "client_credentials", **KEY}
    assert refused(token(sf, {**form, "client_id": "x"}))[:2] == (400, "invalid_client_id")
    assert refused(token(sf, {**form, "client_secret": "x"})) == (400, "invalid_client", "invalid client credentials")
    assert refused(token(sf, KEY))[:2] == (400, "invalid_request")
    assert refused(token(sf, {"grant_type": "password", **KEY}))[1] == "unsupported_grant_type"
    sf.sim.settings(run_as=False)
    assert refused(token(sf, form)) == (400, "invalid_grant", "no client credentials user enabled")
    sf.sim.settings(my_domain=False)
    assert refused(token(sf, form)) == (400, "invalid_grant", "request not supported on this domain")
    sf.sim.settings(error_description=False)
    assert token(sf, form).json() == {"error": "invalid_grant"}


def test_a_user_who_left_gets_no_token(sf: Desk) -> None:
    """The run-as user is switched off."""
    sf.sim.act("user_deactivate", id="integration@roofing.example")
    assert refused(token(sf, {"grant_type": "client_credentials", **KEY}))[1] == "inactive_user"


def test_an_assertion_is_read_to_the_end(sf: Desk) -> None:
    """Audience, end, consumer and approval each have their own sentence."""
    form = {"grant_type": JWT}
    assert "access_token" in token(sf, {**form, "assertion": assertion(sf)}).json()
    cases = {
        "audience is invalid": {"aud": "https://elsewhere.example"},
        "expired authorization code": {"exp": time.time() - 1},
        "invalid assertion": {"exp": time.time() + 3600},
        "user hasn't approved this consumer": {"sub": "nobody@example.com"},
        "client identifier invalid": {"iss": "x"},
    }
    for sentence, claims in cases.items():
        assert refused(token(sf, {**form, "assertion": assertion(sf, **claims)}))[2] == sentence
    assert refused(token(sf, {**form, "assertion": "a.b"}))[2] == "invalid assertion"
    sf.sim.settings(jwt_approved=False)
    assert refused(token(sf, {**form, "assertion": assertion(sf)}))[2] == "user hasn't approved this consumer"


def test_a_refresh_token_may_work_only_once(sf: Desk) -> None:
    """Without rotation it lives on; with rotation a new one comes back and the old one is dead."""
    form = {"grant_type": "refresh_token", "refresh_token": "sandbox-refresh-token", "client_id": KEY["client_id"]}
    assert "refresh_token" not in token(sf, form).json()
    sf.sim.settings(refresh_rotation=True)
    fresh = token(sf, form).json()["refresh_token"]
    assert refused(token(sf, form)) == (400, "invalid_grant", "expired access/refresh token")
    assert "access_token" in token(sf, {**form, "refresh_token": fresh}).json()


def test_a_token_can_be_asked_about_and_revoked(sf: Desk) -> None:
    """Introspection alone tells the end; userinfo tells the user; a revoked session is over."""
    fresh = token(sf, {"grant_type": "client_credentials", **KEY}).json()["access_token"]
    ask = {"token": fresh, **KEY}
    told = httpx.post(f"{sf.url}/services/oauth2/introspect", data=ask, trust_env=False).json()
    assert told["active"] is True and told["exp"] > time.time() + 7000
    head = {"Authorization": f"Bearer {fresh}"}
    assert sf.ask("GET", "/services/oauth2/userinfo", None, head).json()["preferred_username"] == told["username"]
    httpx.post(f"{sf.url}/services/oauth2/revoke", data={"token": fresh}, trust_env=False)
    assert httpx.post(f"{sf.url}/services/oauth2/introspect", data=ask, trust_env=False).json() == {"active": False}
    assert sf.ask("GET", "/services/oauth2/userinfo", None, head).status_code == 403
    assert sf.ask("GET", "/services/oauth2/authorize").status_code == 404


# -- sessions


def test_a_dead_session_is_a_401_with_its_code(sf: Desk) -> None:
    """Unknown, ended on demand, or run out: always the same words."""
    bad = sf.ask("GET", "limits", None, {"Authorization": "Bearer x"})
    assert bad.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert bad.status_code == 401
    sf.sim.act("kill_tokens")
    assert code(sf.ask("GET", "limits")) == (401, "INVALID_SESSION_ID")


def test_a_session_slides_with_its_use(sf: Desk) -> None:
    """It ends so many seconds after the last call, not after the first."""
    fresh = token(sf, {"grant_type": "client_credentials", **KEY}).json()["access_token"]
    head = {"Authorization": f"Bearer {fresh}"}
    for _ in range(3):
        sf.sim.advance(5000)
        assert sf.ask("GET", "limits", None, head).status_code == 200
    sf.sim.advance(7300)
    assert code(sf.ask("GET", "limits", None, head)) == (401, "INVALID_SESSION_ID")


def test_a_user_or_an_org_without_the_api_is_told_so(sf: Desk) -> None:
    """A switched-off user's sessions are over; an org without API answers 403."""
    sf.sim.settings(api_disabled="API_DISABLED_FOR_ORG")
    assert code(sf.ask("GET", "limits")) == (403, "API_DISABLED_FOR_ORG")
    sf.sim.settings(api_disabled=None)
    sf.sim.act("user_deactivate", id="integration@roofing.example")
    assert code(sf.ask("GET", "limits")) == (401, "INVALID_SESSION_ID")


def test_an_object_that_the_user_may_not_see_is_not_there(sf: Desk) -> None:
    """404 in paths, INVALID_TYPE in queries, missing in the list of objects."""
    sf.sim.act("kind_hide", "Opportunity")
    assert code(sf.ask("GET", "sobjects/Opportunity/describe")) == (404, "NOT_FOUND")
    assert code(sf.soql("SELECT Id FROM Opportunity")) == (400, "INVALID_TYPE")
    assert "Opportunity" not in {each["name"] for each in sf.get("sobjects")["sobjects"]}
    sf.sim.act("kind_show", "Opportunity")
    assert sf.ids("SELECT Id FROM Opportunity") == []


# -- budgets, versions, sizes


def test_every_answer_tells_what_is_used_and_the_day_ends_with_403(sf: Desk) -> None:
    """Errors count and tell, too; after 24 hours the count has fallen."""
    sf.sim.settings(daily=3)
    used = [sf.ask("GET", path).headers["sforce-limit-info"] for path in ("limits", "sobjects/Unicorn", "limits")]
    assert used == ["api-usage=1/3", "api-usage=2/3", "api-usage=3/3"]
    over = sf.ask("GET", "limits")
    assert code(over) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert over.json()[0]["message"] == "TotalRequests Limit exceeded."
    assert "retry-after" not in over.headers
    sf.sim.advance(86_500)
    assert sf.get("limits")["DailyApiRequests"] == {"Max": 3, "Remaining": 2}


def test_too_many_at_once_has_the_same_code_and_other_words(sf: Desk) -> None:
    """ConcurrentRequests is told apart by its sentence only."""
    sf.sim.settings(concurrent_refused=True)
    answer = sf.ask("GET", "limits")
    assert code(answer) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert answer.json()[0]["message"].startswith("ConcurrentRequests")


def test_versions_are_listed_retired_and_unknown(sf: Desk) -> None:
    """The list needs no session; 30.0 is gone for good, 99.0 does not exist."""
    listed = httpx.get(f"{sf.url}/services/data/", trust_env=False).json()
    assert listed[-1] == {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"}
    assert {each["label"] for each in listed} >= {"Spring '24", "Spring '26"}
    assert code(sf.ask("GET", "/services/data/v30.0/limits")) == (410, "UNSUPPORTED_API_VERSION")
    assert code(sf.ask("GET", "/services/data/v99.0/limits")) == (404, "NOT_FOUND")
    assert sf.ask("GET", "/services/data/v60.0/limits").status_code == 200


def test_addresses_and_heads_have_a_size(sf: Desk) -> None:
    """414 for the address alone, 431 together with the headers."""
    sf.sim.settings(uri_bytes=3000)
    assert code(sf.soql("SELECT Id FROM Lead WHERE Name = '" + "x" * 3000 + "'")) == (414, "URI_TOO_LONG")
    answer = sf.ask("GET", "limits", None, {"X-Padding": "x" * 3000})
    assert code(answer) == (431, "REQUEST_HEADER_FIELDS_TOO_LARGE")


def test_a_body_is_json_and_says_so(sf: Desk) -> None:
    """415 for another content type, 400 for what cannot be read."""
    path = f"{BASE}/sobjects/Lead"
    plain = sf.api.post(path, content=b"{}", headers={"Content-Type": "text/plain"})
    assert code(plain) == (415, "UNSUPPORTED_MEDIA_TYPE")
    broken = sf.api.post(path, content=b"{", headers={"Content-Type": "application/json"})
    assert code(broken) == (400, "JSON_PARSER_ERROR")


def test_played_faults_speak_as_salesforce_does(sf: Desk) -> None:
    """An array with a code, also for 503; a lost answer leaves the record behind."""
    sf.sim.faults({"fault": "503", "times": 1})
    assert code(sf.ask("GET", "limits")) == (503, "SERVER_UNAVAILABLE")
    sf.sim.faults({"fault": "lost", "methods": ["POST"], "times": 1})
    with pytest.raises(httpx.TransportError):
        sf.make("Lead")
    assert len(sf.ids("SELECT Id FROM Lead")) == 1


def test_the_request_log_knows_writes_from_reads(sf: Desk) -> None:
    """Tokens, retrievals and query jobs change no record."""
    since = sf.sim.mark()
    token(sf, {"grant_type": "client_credentials", **KEY})
    lead = sf.make("Lead")
    sf.ask("POST", "composite/sobjects/Lead", {"ids": [lead], "fields": ["Name"]})
    sf.ask("POST", "jobs/query", {"operation": "query", "query": "SELECT Id FROM Lead"})
    told = [(each["template"], each["write"]) for each in sf.sim.requests(since)]
    assert [write for _, write in told] == [False, True, False, False]
    assert told[1][0] == f"{BASE}/sobjects/Lead"


def test_answers_are_zipped_where_that_is_switched_on(sf: Desk) -> None:
    """Clients that accept gzip get it."""
    sf.sim.settings(gzip=True)
    answer = sf.ask("GET", "sobjects")
    assert answer.headers["content-encoding"] == "gzip" and answer.json()["maxBatchSize"] == 200
