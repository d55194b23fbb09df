"""A write of JobNimbus that was answered, and the reads after it: whatever becomes of these, it has landed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from syncd.core.model import Action, Operation, Outcome, Record, Ref, Result, Value
from syncd_jobnimbus import writes
from tests.connectors.jobnimbus_connector_bench import Account, account
from tests.connectors.test_jobnimbus_connector_strange import UPDATE, served, write

LABELED = {"custom_fields": "jobs.cf_string_3=Roof Type"}
ROOF: dict[str, Value] = {"name": "Roof", "record_type_name": "Roofing", "status_name": "Lead"}

afterwards = pytest.mark.parametrize("fault", ["reset", "503", "403", "401"])


def once_written(one: Account, fault: str, operation: Operation) -> Outcome:
    """The outcome of a write of jobs while no GET is answered; the vendor carries it out."""
    one.remote.faults({"fault": fault, "methods": ["GET"]})
    mark = one.remote.mark()
    outcome = write(one.connector, operation)
    asked = one.remote.requests(mark)
    assert [(each["method"], each["status"]) for each in asked if each["write"]] == [(asked[0]["method"], 200)]
    assert len(asked) > 1, "nothing was read after the write"
    one.remote.faults()
    return outcome


def create(fields: dict[str, Value]) -> Operation:
    return Operation(id="1", action=Action.CREATE, fields=fields)


def update(id: str, fields: dict[str, Value]) -> Operation:
    return Operation(id="1", action=Action.UPDATE, ref=Ref("jn", "jobs", id), fields=fields, compare=False)


@afterwards
@pytest.mark.parametrize("proof", ["list", "canary"])
def test_a_create_stands_although_no_canary_can_be_read(
    monkeypatch: pytest.MonkeyPatch, fault: str, proof: str
) -> None:
    """The record that was made is told; the blank custom field that nobody can prove now is unknown."""
    monkeypatch.setattr(writes, "TRUSTED_SECONDS", 0.0)
    with account(options=LABELED) as one:
        full = one.job("Full", cf_string_3="Metal")
        one.connector.read("jobs", [full] if proof == "canary" else [], ["cf_string_3", "description"])
        outcome = once_written(one, fault, create(ROOF))
        assert outcome.result is Result.WRITTEN and outcome.record is not None
        assert outcome.record.ref.id in {row["jnid"] for row in one.remote.records("jobs")}
        assert outcome.record.fields == {**ROOF, "description": None}


@afterwards
def test_a_create_stands_although_it_cannot_be_read_again(fault: str) -> None:
    """The answer leaves out a custom field that was sent: it is unknown."""
    with account(options=LABELED, custom_fields_as="none") as one:
        outcome = once_written(one, fault, create({**ROOF, "cf_string_3": "Metal"}))
        assert outcome.result is Result.WRITTEN and outcome.record is not None
        assert outcome.record.fields == ROOF


@afterwards
def test_an_update_whose_field_cannot_be_read_again_is_looked_at_later(fault: str) -> None:
    """The answer leaves out a custom field that was sent: the engine looks before anything else is done."""
    with account(options=LABELED, custom_fields_as="none") as one:
        made = one.job("Full", cf_string_3="Metal")
        outcome = once_written(one, fault, update(made, {"cf_string_3": "Tile"}))
        assert outcome.result is Result.AMBIGUOUS
        assert one.remote.records("jobs")[0]["cf_string_3"] == "Tile"


@afterwards
def test_an_update_stands_although_the_fields_cannot_be_described(fault: str) -> None:
    """Somebody reads a field that is known by its label only: of what kind it is cannot be asked now."""
    with account() as one:
        made = one.job("Full", cf_string_3="Metal")
        one.connector.read("jobs", [made], ["Roof Type", "description"])
        one.connector.forget_schema()
        outcome = once_written(one, fault, update(made, {"description": "steep"}))
        assert outcome.result is Result.WRITTEN and outcome.record is not None
        assert outcome.record.fields["description"] == "steep"


@pytest.mark.parametrize("status", [200, 401, 403, 404, 503])
def test_an_update_with_an_empty_answer_that_cannot_be_read_is_looked_at_later(status: int) -> None:
    """A PUT that answers nothing, and a GET that answers no record, or fails."""

    def answer(request: Request, body: Any) -> Response:
        return Response(status_code=200) if request.method == "PUT" else JSONResponse({}, status)

    with served(answer) as (connector, seen):
        assert write(connector, UPDATE).result is Result.AMBIGUOUS
        cleared = replace(UPDATE, fields={"cf_string_1": None})
        assert write(connector, cleared).result is Result.AMBIGUOUS
        assert seen.count("PUT /api1/jobs/j1") == 2


def test_a_hidden_canary_stops_nothing() -> None:
    """A canary that the access profile no longer shows proves nothing: the field is unknown, the system goes on."""
    with account(options=LABELED) as one:
        hidden, bare = one.job("Hidden", cf_string_3="Metal"), one.job("Bare")
        assert told(one, bare) == {"cf_string_3": None}
        one.remote.faults({"fault": "403", "methods": ["GET"], "path": f"/jobs/{hidden}$"})
        assert told(one, bare) == {}


def told(one: Account, id: str) -> dict[str, Value]:
    """What a read tells of the custom field."""
    found = one.connector.read("jobs", [id], ["cf_string_3"])[id]
    assert isinstance(found, Record)
    return dict(found.fields)
