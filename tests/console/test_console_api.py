"""The API over real sockets: who may, what is taken, what is said, and that its description is true."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from syncd.console.api import STATES, VERBS
from syncd.console.guards import FORM_LIMIT, POLICY
from tests.console.town import PEOPLE, Town


@pytest.fixture(scope="module")
def tokens(town: Town) -> Mapping[str, str]:
    """A program's token of each role."""
    for name in PEOPLE:
        town.client(name)
    return {name: town.console.doors.give_token(name, "test", timedelta(days=1)) for name in PEOPLE}


def ask(town: Town, secret: str | None, path: str, body: Any = None, **params: str) -> httpx.Response:
    """What a program sends: a GET, or with a body a POST."""
    headers = {"authorization": f"Bearer {secret}"} if secret is not None else {}
    if body is None:
        return town.stranger().get(path, params=params, headers=headers)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return town.stranger().post(path, content=content, headers=headers)


def test_a_program_reads_what_the_command_line_shows(town: Town, tokens: Mapping[str, str]) -> None:
    """Each verb that reads answers with JSON, the same that the application says."""
    token = tokens["vera"]
    assert ask(town, token, "/api/status").json()["links"] == town.app.status()["links"]
    assert ask(town, token, "/api/conflicts").json() == town.app.conflicts()
    assert ask(town, token, "/api/conflicts", state="all").json() == town.app.conflicts(None)
    assert ask(town, token, "/api/parked").json() == town.app.parked()
    for verb in (verb for verb in VERBS if verb.method == "GET" and not any(one.needed for one in verb.params)):
        answer = ask(town, token, verb.path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), verb.path
        assert answer.headers["content-security-policy"] == POLICY


def test_without_a_token_nothing_is_said(town: Town) -> None:
    """No token, a wrong one, a sign-in's cookie, and a token in the address: each is refused."""
    secret = town.secret("ada")
    for answer in (
        ask(town, None, "/api/status"), ask(town, "wrong", "/api/status"), ask(town, secret, "/api/status"),
        ask(town, None, "/api/status", token=secret), town.client("ada").get("/api/status"),
        ask(town, None, "/api/openapi.json"),
    ):  # fmt: skip
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["status"] == 401


def test_what_changes_anything_needs_an_operator(town: Town, tokens: Mapping[str, str]) -> None:
    """A viewer's token reads and does nothing."""
    for verb in (verb for verb in VERBS if verb.method == "POST"):
        answer = ask(town, tokens["vera"], verb.path, {})
        assert answer.status_code == 403, verb.path


def test_a_side_is_taken_and_noted(town: Town, tokens: Mapping[str, str]) -> None:
    """A program takes a side; the list of deeds says which program's account it was."""
    (first, *_) = town.app.conflicts()
    answer = ask(town, tokens["otto"], "/api/conflicts/take", {"ids": [first["id"]], "side": "left"})
    assert (answer.status_code, answer.json()) == (200, {"taken": [first["id"]], "left": []})
    (row,) = [row for row in town.app.conflicts() if row["id"] == first["id"]]
    assert row["taken"]["side"] == "left"
    listed = town.page("/deeds")
    assert "api.conflicts.take" in listed and "otto" in listed


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"side": "left"}, 422, "ids"),
        ({"ids": [1]}, 422, "must be told"),
        ({"ids": [1], "side": "left", "value": "x"}, 422, "not both"),
        ({"ids": [1], "side": "middle"}, 422, "one of left, right"),
        ({"ids": "1", "side": "left"}, 422, "list of numbers"),
        ({"ids": [True], "side": "left"}, 422, "list of numbers"),
        ({"ids": [], "side": "left"}, 422, "list of numbers"),
        ({"ids": [1], "side": "left", "wish": 1}, 422, "wish"),
        ({"ids": [987654321], "side": "left"}, 422, "no such conflict"),
        ([], 400, "object"),
        (b"{", 400, "no JSON"),
        (b"\xff", 400, "no JSON"),
        (b" " * (FORM_LIMIT + 1), 413, "longer"),
    ],
)
def test_what_does_not_fit_is_said(town: Town, tokens: Mapping[str, str], body: Any, status: int, told: str) -> None:
    """Missing, of another kind, unknown, too long or no JSON: a problem that names it, and nothing is done."""
    answer = ask(town, tokens["otto"], "/api/conflicts/take", body)
    assert answer.status_code == status and told in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_was_taken_beside_what_was_not_is_said_and_noted(town: Town, tokens: Mapping[str, str]) -> None:
    """Of several conflicts some may be no more: the others are taken, and the list of deeds says by whom."""
    (first, *_) = [row for row in town.app.conflicts() if row["taken"] is None]
    with town.app.ready_store.read() as tx:
        before = [deed.id for deed in tx.deeds.last(limit=1)]  # none yet, if this test comes first
    answer = ask(town, tokens["otto"], "/api/conflicts/take", {"ids": [987654321, first["id"]], "side": "right"})
    assert answer.status_code == 200 and answer.json()["taken"] == [first["id"]]
    assert "no such conflict" in answer.json()["left"][0]
    with town.app.ready_store.read() as tx:
        (deed,) = tx.deeds.last(limit=1)
    assert [deed.id] > before and (deed.deed, deed.account) == ("api.conflicts.take", "otto")


def test_a_side_is_never_guessed(town: Town, tokens: Mapping[str, str]) -> None:
    """Conflicts without a word on which side is right are left as they are."""
    before = town.app.conflicts()
    ids = [row["id"] for row in before if (row["taken"] or {}).get("side") != "right"]
    assert ids and ask(town, tokens["otto"], "/api/conflicts/take", {"ids": ids}).status_code == 422
    assert town.app.conflicts() == before


def test_only_an_operator_has_the_systems_asked(town: Town, tokens: Mapping[str, str]) -> None:
    """Why a record is as it is costs nothing; who changed a field is asked of its system, and not for a viewer."""
    m = town.app.world.maps["sales/contacts"]
    with town.app.ready_store.read() as tx:
        ref = str(m.left.ref(tx.links.all(m.key, limit=1)[0].left_id))
    before = town.asked()
    told = ask(town, tokens["vera"], "/api/explain", ref=ref, field="email").json()
    assert told["maps"] and ask(town, tokens["vera"], "/api/history", ref=ref, field="email").status_code == 403
    assert ask(town, tokens["otto"], "/api/history", ref=ref).status_code == 422
    assert town.asked() == before
    assert ask(town, tokens["vera"], "/api/files", ref=ref).status_code == 403
    files = ask(town, tokens["otto"], "/api/files", ref=ref).json()
    assert [row["why"] for row in files] == [None, None] and files[0]["ref"] == ref
    asked = ask(town, tokens["otto"], "/api/history", ref=ref, field="email").json()
    changes = {about["map"]: rule["changes"] for about in asked["maps"] for rule in about.get("rules", ())}
    assert changes[m.key]["left"] and town.asked() != before


def test_questions_that_do_not_fit_are_said(town: Town, tokens: Mapping[str, str]) -> None:
    """An unknown word of an address, a state that is none, a record that is none."""
    token = tokens["vera"]
    assert ask(town, token, "/api/conflicts", colour="red").status_code == 422
    assert ", ".join(STATES) in ask(town, token, "/api/conflicts", state="shut").text
    assert ask(town, token, "/api/explain", ref="nonsense").status_code == 422
    assert ask(town, token, "/api/explain").status_code == 422
    assert ask(town, token, "/api/nothing").status_code == 404


def test_the_description_is_of_what_is_there(town: Town, tokens: Mapping[str, str]) -> None:
    """Every verb with its parameters, in the form that tools read; the page for people names the same."""
    told = ask(town, tokens["vera"], "/api/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    assert {(path, method.upper()) for path, ways in told["paths"].items() for method in ways} == {
        (verb.path, verb.method) for verb in VERBS
    }
    names = [way["operationId"] for ways in told["paths"].values() for way in ways.values()]
    assert len(set(names)) == len(names)
    shown = town.page("/api")
    assert [verb.path for verb in VERBS if verb.path not in shown] == []


def test_a_token_that_was_ended_does_nothing(town: Town) -> None:
    """Who ends it on the own page ends it at once; somebody else cannot."""
    town.client("vera")
    secret = town.console.doors.give_token("vera", "short-lived", timedelta(days=1))
    assert ask(town, secret, "/api/status").status_code == 200
    with town.app.ready_store.read() as tx:
        (token,) = [one for one in tx.access.tokens("vera", "api", town.app.clock()) if one.label == "short-lived"]
    assert town.post("/me/end", {"digest": token.digest.hex()}, "otto").status_code == 422
    assert ask(town, secret, "/api/status").status_code == 200
    assert town.post("/me/end", {"digest": token.digest.hex()}, "vera").status_code == 204
    assert ask(town, secret, "/api/status").status_code == 401
    for wrong in ("zz", "", token.digest.hex()):
        assert town.post("/me/end", {"digest": wrong}, "vera").status_code == 422
