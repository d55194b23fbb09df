"""The JobNimbus connector against a server that behaves in ways its sandbox does not: scripted, on a real socket."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from syncd.core.model import Action, Gone, Operation, Outcome, Record, Ref, Result, SyncKey
from syncd.errors import AuthError, Transient
from syncd.kit.connector import SystemSettings
from syncd_jobnimbus import JobNimbus
from syncd_jobnimbus.client import Client
from syncd_jobnimbus.sweeps import one_moment
from syncd_jobnimbus.writes import Writer
from tests.connectors.jobnimbus_connector_bench import KEY, TIMING, connect
from tests.connectors.scripted import serving

Answer = Callable[[Request, Any], Response]


@contextmanager
def served(answer: Answer) -> Iterator[tuple[JobNimbus, list[str]]]:
    """A server whose every answer is given by a function, a connector to it, and the requests it got."""
    seen: list[str] = []

    async def handle(request: Request) -> Response:
        seen.append(f"{request.method} {request.url.path}")
        body = await request.body()
        return answer(request, orjson.loads(body) if body else None)

    app = Starlette(routes=[Route("/{rest:path}", handle, methods=["GET", "POST", "PUT"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    connector = connect(f"http://127.0.0.1:{port}/api1/")
    try:
        yield connector, seen
    finally:
        connector.close()
        server.should_exit = True
        thread.join()


def write(connector: JobNimbus, operation: Operation) -> Outcome:
    """The outcome of one operation on jobs."""
    ((outcome,),) = connector.write("jobs", [operation])
    return outcome


CREATE = Operation(id="1", action=Action.CREATE, fields={"name": "Roof"})
UPDATE = Operation(id="1", action=Action.UPDATE, ref=Ref("jn", "jobs", "j1"), fields={"name": "Roof"}, compare=False)


@pytest.mark.parametrize(
    ("status", "text", "result"),
    [
        (500, "Attempt to relate to invalid document", Result.REFUSED),
        (500, "Invalid parameters", Result.REFUSED),
        (500, "boom", Result.AMBIGUOUS),
        (400, "Duplicate job exists", Result.REFUSED),
        (200, "{}", Result.AMBIGUOUS),
        (200, "[]", Result.AMBIGUOUS),
        (200, "", Result.AMBIGUOUS),
        (200, "<html>hello</html>", Result.AMBIGUOUS),
    ],
)
def test_a_create_is_sent_once_whatever_the_answer(status: int, text: str, result: Result) -> None:
    """A 500 that names a client mistake is a refusal; any other odd answer leaves it open whether it landed."""
    with served(lambda request, body: PlainTextResponse(text, status)) as (connector, seen):
        assert write(connector, CREATE).result is result
        assert seen == ["POST /api1/jobs"]


def test_an_update_with_an_empty_answer_is_read_again() -> None:
    """A PUT that answers nothing is followed by a GET, so that the outcome holds the record."""

    def answer(request: Request, body: Any) -> Response:
        if request.method == "PUT":
            return Response(status_code=200)
        return JSONResponse({"jnid": "j1", "name": "Roof", "date_updated": 1726061259, "is_active": True})

    with served(answer) as (connector, seen):
        outcome = write(connector, UPDATE)
        assert outcome.record is not None
        assert outcome.record.fields == {"name": "Roof"}
        assert seen == ["PUT /api1/jobs/j1", "GET /api1/jobs/j1"]


def test_a_custom_field_that_the_answer_leaves_out_is_read_again() -> None:
    """What was written and does not stand in the answer is looked for by id; what was cleared is blank."""

    def answer(request: Request, body: Any) -> Response:
        kept = {"cf_string_1": "there"} if request.method == "GET" else {}
        return JSONResponse({"jnid": "j1", "count": 0, "results": [], **kept})

    with served(answer) as (connector, seen):
        filled = write(connector, replace(UPDATE, fields={"cf_string_1": "there", "cf_string_2": None}))
        assert filled.record is not None
        assert filled.record.fields == {"cf_string_1": "there", "cf_string_2": None}
        assert seen[:2] == ["PUT /api1/jobs/j1", "GET /api1/jobs/j1"]


@pytest.mark.parametrize("stamp", [None, 0, "", True, "soon", 10**18, [1]])
def test_what_is_no_time_is_no_version_either(stamp: object) -> None:
    """Else what stood before our write would look like news beside the answer to it."""
    row = {"jnid": "j1", "name": "Roof", "date_updated": stamp}
    with served(lambda request, _: JSONResponse(row)) as (connector, _):
        found = connector.read("jobs", ["j1"], ["name"])["j1"]
        assert isinstance(found, Record)
        assert (found.version, found.modified_at) == (None, None)


@pytest.mark.parametrize(
    "body",
    ['{"count": 0}', "[]", '{"results": null}', '{"results": [{}]}', '{"results": [1]}', "null",
     '{"results": [{"jnid": [["j1"]]}]}'],
)  # fmt: skip
def test_a_list_that_is_none_is_never_an_empty_page(body: str) -> None:
    """An answer without rows as the reference describes them is trouble, not "no records"."""
    with served(lambda request, _: Response(body, media_type="application/json")) as (connector, _):
        with pytest.raises(Transient):
            list(connector.changes("jobs", None, ["name"], lambda ids: {}))
        with pytest.raises(Transient):
            connector.find("jobs", [SyncKey("cf_string_4", "key-1")], ["name"])


def roofs(count: int, page: int, *, every: int) -> tuple[list[dict[str, Any]], Answer]:
    """Jobs made `every` seconds apart, and a server that lists at most `page` of them, knows ranges and forgets ties.

    It sorts by dates only: rows of one second come in another order with every request.
    """
    rows: list[dict[str, Any]] = [
        {"jnid": f"j{n}", "date_created": 10**9 + n * every, "date_updated": 10**9 + n * every} for n in range(count)
    ]
    dice = random.Random(5)

    def answer(request: Request, body: Any) -> Response:
        asked = request.query_params
        must = orjson.loads(asked.get("filter", '{"must":[]}'))["must"]
        found = [row for row in rows if all(_within(row, clause["range"]) for clause in must)]
        dice.shuffle(found)
        key = asked["sort_field"] if asked["sort_field"].startswith("date_") else "date_created"
        found.sort(key=lambda row: row[key], reverse=asked["sort_direction"] == "desc")
        start = int(asked.get("from", 0))
        return JSONResponse({"count": len(found), "results": found[start : start + min(page, int(asked["size"]))]})

    return rows, answer


@pytest.mark.parametrize(("count", "page", "every"), [(95, 20, 1), (2500, 1000, 0)])
def test_small_pages_and_ties_without_any_order_are_read_to_their_end(count: int, page: int, every: int) -> None:
    """Fewer rows than asked for, or thousands of one second that no sorting tells apart: all are found."""
    rows, answer = roofs(count, page, every=every)
    with served(answer) as (connector, _):
        pages = list(connector.changes("jobs", None, ["name"], lambda ids: {}))
        shown = {record.ref.id for page in pages for record in page.records}
        assert shown == {row["jnid"] for row in rows}
        assert pages[-1].backfilled


def _within(row: dict[str, Any], bounds: dict[str, dict[str, int]]) -> bool:
    ((name, limits),) = bounds.items()
    return bool(limits.get("gte", row[name]) <= row[name] <= limits.get("lte", row[name]))


def test_an_answer_under_another_id_is_a_merge() -> None:
    """Nobody knows what a merged id answers; the winner's record would be the natural thing."""
    with served(lambda request, body: JSONResponse({"jnid": "winner", "is_active": True})) as (connector, _):
        found = connector.read("contacts", ["loser"], [])["loser"]
        assert isinstance(found, Gone)
        assert found.became == ("winner",)


@pytest.mark.parametrize("id", [["winner"], {"id": "winner"}, "", None, 7])
def test_an_answer_without_an_id_is_no_merge(id: Any) -> None:
    """What is no text is no id."""
    nameless = served(lambda request, body: JSONResponse({"jnid": id, "is_active": True}))
    with nameless as (connector, _), pytest.raises(Transient, match="not a record"):
        connector.read("contacts", ["loser"], [])


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_an_id_never_becomes_the_path_of_the_list(id: str) -> None:
    """An empty id is refused before anything is sent."""
    with served(lambda request, body: JSONResponse({})) as (connector, seen):
        operation = Operation(
            id="1", action=Action.UPDATE, ref=Ref("jn", "jobs", id), fields={"name": "x"}, compare=False
        )
        assert write(connector, operation).result is Result.REFUSED
        assert seen == []


def test_long_and_odd_ids_are_read() -> None:
    """Ids are opaque: 64 characters, and characters that mean something in an address, travel whole."""
    odd = "a/b?c#d" + "x" * 57

    def answer(request: Request, body: Any) -> Response:
        return JSONResponse({"jnid": request.path_params["rest"].removeprefix("api1/jobs/"), "name": "Roof"})

    with served(answer) as (connector, _):
        found = connector.read("jobs", [odd], ["name"])[odd]
        assert isinstance(found, Record)
        assert found.ref.id == odd


def test_two_writes_are_under_way_and_no_third() -> None:
    """The second is sent while the first has no answer; a third only when both were told of."""
    most, now, lock, both = 0, 0, threading.Lock(), threading.Barrier(2, timeout=10)

    async def handle(request: Request) -> Response:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        await asyncio.to_thread(both.wait)
        with lock:
            now -= 1
        id_ = request.url.path.rpartition("/")[2]
        return JSONResponse({"jnid": id_, "name": "Roof", "date_updated": 1_767_225_600, "is_active": True})

    operations = [replace(UPDATE, id=str(n), ref=Ref("jn", "jobs", f"j{n}")) for n in range(4)]
    with serving(handle) as address:
        connector = connect(f"{address}/api1/")
        told = [[one.operation for one in outcomes] for outcomes in connector.write("jobs", operations)]
        connector.close()
    assert told == [["0", "1"], ["2", "3"]]
    assert most == 2


def test_what_was_written_beside_a_refused_key_is_told_first() -> None:
    """The key is refused for one of two: the other's outcome comes, then AuthError, and nothing more is sent."""

    def answer(request: Request, body: Any) -> Response:
        if request.url.path.endswith("j0"):
            return JSONResponse({"status": 401, "body": "Authentication required"}, 401)
        return JSONResponse({"jnid": "j1", "name": "Roof", "date_updated": 1_767_225_600, "is_active": True})

    operations = [replace(UPDATE, id=str(n), ref=Ref("jn", "jobs", f"j{n}")) for n in range(4)]
    with served(answer) as (connector, seen):
        writing = iter(connector.write("jobs", operations))
        assert [(one.operation, one.result) for one in next(writing)] == [("1", Result.WRITTEN)]
        with pytest.raises(AuthError):
            next(writing)
        assert sorted(one for one in seen if one.startswith("PUT")) == ["PUT /api1/jobs/j0", "PUT /api1/jobs/j1"]


@pytest.mark.parametrize("odd", ["j0", "j1"])
@pytest.mark.parametrize("beside", [200, 401])
@pytest.mark.parametrize("error", [KeyError, OSError])
def test_what_was_sent_is_told_whatever_goes_wrong_with_its_answer(
    monkeypatch: pytest.MonkeyPatch, odd: str, beside: int, error: type[Exception]
) -> None:
    """A caller that stops after the first outcomes knows of all that was sent but what was not let in.

    An answer that cannot be understood stops nobody else; a key that is not let in does, whichever came first.
    """
    after = Writer._written

    def stumble(self: Writer, kind: str, operation: Operation, *rest: Any) -> Outcome:
        if operation.ref is not None and operation.ref.id == odd:
            raise error("the answer")
        return after(self, kind, operation, *rest)

    def answer(request: Request, body: Any) -> Response:
        id_ = request.url.path.rpartition("/")[2]
        status = 200 if id_ == odd else beside
        return JSONResponse({"jnid": id_, "name": "Roof", "date_updated": 1_767_225_600, "is_active": True}, status)

    monkeypatch.setattr(Writer, "_written", stumble)
    operations = [replace(UPDATE, id=f"j{n}", ref=Ref("jn", "jobs", f"j{n}")) for n in range(4)]
    with served(answer) as (connector, seen):
        writing = iter(connector.write("jobs", operations))
        told = {one.operation: one.result for one in next(writing)}
        other = {"j0", "j1"} - {odd}
        assert told == {odd: Result.AMBIGUOUS} | (dict.fromkeys(other, Result.WRITTEN) if beside == 200 else {})
        assert sorted(seen) == ["PUT /api1/jobs/j0", "PUT /api1/jobs/j1"]
        if beside == 401:
            with pytest.raises(AuthError):
                next(writing)
            assert len(seen) == 2
        else:
            assert [(one.operation, one.result) for one in next(writing)] == [
                ("j2", Result.WRITTEN),
                ("j3", Result.WRITTEN),
            ]


def test_a_moment_is_not_split_for_ever_where_the_list_ignores_the_split() -> None:
    """More share one second than an offset reaches, and a filter on when they were made does nothing: it is said."""
    asked = 0

    async def handle(request: Request) -> Response:
        nonlocal asked
        asked += 1
        made = 1_700_000_000 if request.query_params["sort_direction"] == "asc" else 1_750_000_000
        row = {"jnid": "j1", "name": "Roof", "date_created": made, "date_updated": 1_767_225_600}
        return JSONResponse({"count": 20_000, "results": [row]})

    with serving(handle) as address:
        client = Client(SystemSettings(system="jn", secret=KEY, base_url=address, rate="100000/1", timing=TIMING))
        with pytest.raises(Transient, match="ignores the filter on date_created of jobs"):
            one_moment(client, "jobs", [])
        client.close()
    assert asked == 6
