"""The JSON API behind the pages, for scripts and agents: the verbs of the command line, each said once, with its page.

What is not here: what a verb does (`syncd.app`), and the pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from syncd import VERSION
from syncd.console import guards
from syncd.console.ask import Role, Visitor
from syncd.console.desk import Desk
from syncd.console.doors import Doors
from syncd.errors import ConfigError, Problem, SyncdError

MEDIA, TROUBLE = "application/json", "application/problem+json"

Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Param:
    """One thing that a verb is told. `kind`: `string`, `integer`, `boolean`, or `integers` for several."""

    name: str
    about: str
    kind: str = "string"
    needed: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verb:
    """One address. `needs`: a daemon that works; `subject`: which of what it is told names what it was done to."""

    method: str
    path: str
    about: str
    do: Callable[[Desk, Given], Any]
    params: tuple[Param, ...] = ()
    role: Role = Role.VIEWER
    needs: bool = False
    subject: str = ""

    @property
    def name(self) -> str:
        """As it stands in the list of deeds."""
        return f"api.{self.path.removeprefix('/api/').replace('/', '.')}"


MAP = Param("map", "only of this map: PAIR/NAME")
PAIR = Param("pair", "only of this pair")
REF = Param("ref", "a record: SYSTEM:KIND:ID", needed=True)
STATES = ("open", "overruled", "kept", "taken", "agreed", "gone", "ordered", "all")


def _conflicts(desk: Desk, given: Given) -> Any:
    state = given.get("state", "open")
    return desk.conflicts(None if state == "all" else state, given.get("map"), given.get("field"))


def _take(desk: Desk, given: Given) -> Any:
    if ("side" in given) is ("value" in given):
        raise ConfigError(Problem("side", "or `value` must be told, and not both.", "Take left, right, or a value."))
    taken, problems = list[int](), list[Problem]()
    for conflict in dict.fromkeys(given["ids"]):
        try:
            desk.take_all([conflict], given.get("value", given.get("side", "")), literal="value" in given)
            taken.append(conflict)
        except ConfigError as error:
            problems += error.problems
    if not taken:
        raise ConfigError(problems)
    return {"taken": taken, "left": [str(problem) for problem in problems]}


def _link(desk: Desk, given: Given) -> Any:
    left, right = desk.link(given["one"], given["other"], given.get("map"), same=not given.get("different", False))
    return {"left": left, "right": right}


VERBS: Sequence[Verb] = (
    Verb("GET", "/api/status", "How it goes: systems, feeds, links, what waits.", lambda desk, _: desk.status()),
    Verb(
        "GET", "/api/conflicts", "Fields that both sides changed.", _conflicts,
        (Param("state", "which", choices=STATES), MAP, Param("field", "only of this field")), needs=True,
    ),
    Verb("GET", "/api/parked", "Records that cannot go on, and why.", lambda desk, _: desk.parked(), needs=True),
    Verb("GET", "/api/held", "Pairs of which something waits for permission.", lambda desk, _: desk.held()),
    Verb(
        "GET", "/api/held/plans", "What waits for permission, record by record.",
        lambda desk, given: desk.held_plans(given.get("pair")), (PAIR,), needs=True,
    ),
    Verb(
        "GET", "/api/review", "Uncertain matches, the likeliest first.",
        lambda desk, given: desk.review(given.get("map")), (MAP,), needs=True,
    ),
    Verb(
        "GET", "/api/explain", "Why a record, or one of its fields, is as it is.",
        lambda desk, given: desk.explain(given["ref"], given.get("field"), history=False),
        (REF, Param("field", "only this field")), needs=True,
    ),
    Verb(
        "GET", "/api/history", "The same of one field, with who changed it: each system that keeps that is asked now.",
        lambda desk, given: desk.explain(given["ref"], given["field"]),
        (REF, Param("field", "this field", needed=True)), Role.OPERATOR, needs=True,
    ),
    Verb(
        "GET", "/api/files", "The files of a record and of whom it is linked with: each system is asked now.",
        lambda desk, given: desk.files(given["ref"]), (REF,), Role.OPERATOR, needs=True,
    ),
    Verb(
        "GET", "/api/parity", "How equal both sides were when they were last compared.",
        lambda desk, given: desk.parity(given.get("pair"), given.get("map")), (PAIR, MAP), needs=True,
    ),
    Verb(
        "POST", "/api/conflicts/take", "Take a side, or a value in the left side's terms, of each that stands.", _take,
        (
            Param("ids", "conflicts", "integers", needed=True), Param("side", "a side", choices=("left", "right")),
            Param("value", "or a value"),
        ), Role.OPERATOR, needs=True, subject="ids",
    ),
    Verb(
        "POST", "/api/retry", "Let parked records be tried again.",
        lambda desk, given: {"records": desk.retry(given.get("map"), given.get("ref"))},
        (MAP, Param("ref", "only this record")), Role.OPERATOR, subject="ref",
    ),
    Verb(
        "POST", "/api/skip", "Pass over a parked record until it changes or is tried again.",
        lambda desk, given: {"maps": desk.skip(given["ref"], given.get("map"))}, (REF, MAP), Role.OPERATOR,
        needs=True, subject="ref",
    ),
    Verb(
        "POST", "/api/answer", "Name the twin of a record that is parked with a question, or none.",
        lambda desk, given: {"twin": desk.answer(given["ref"], given["twin"], given.get("map"))},
        (REF, Param("twin", "the other record, or none", needed=True), MAP), Role.OPERATOR, needs=True, subject="ref",
    ),
    Verb(
        "POST", "/api/link", "Link two records by hand, or note for good that they are two.", _link,
        (
            Param("one", "a record: SYSTEM:KIND:ID", needed=True), Param("other", "the other", needed=True), MAP,
            Param("different", "they are two", "boolean"),
        ), Role.OPERATOR, needs=True, subject="one",
    ),
    Verb(
        "POST", "/api/unlink", "Part a record from its twin.",
        lambda desk, given: {"twin": desk.unlink(given["ref"], given.get("map"))}, (REF, MAP), Role.OPERATOR,
        needs=True, subject="ref",
    ),
    Verb(
        "POST", "/api/relink", "Link a record again, with the twin it had or with this one.",
        lambda desk, given: {"twin": desk.relink(given["ref"], given.get("twin"), given.get("map"))},
        (REF, Param("twin", "another twin"), MAP), Role.OPERATOR, needs=True, subject="ref",
    ),
    Verb(
        "POST", "/api/pause", "Leave a record alone until it is resumed.",
        lambda desk, given: desk.pause(given["ref"]), (REF,), Role.OPERATOR, needs=True, subject="ref",
    ),
    Verb(
        "POST", "/api/resume", "Go on with a record that was paused.",
        lambda desk, given: desk.resume(given["ref"]), (REF,), Role.OPERATOR, needs=True, subject="ref",
    ),
    Verb(
        "POST", "/api/held/approve", "Allow what is held to be written.",
        lambda desk, given: {"records": desk.approve(given.get("pair"))}, (PAIR,), Role.OPERATOR, needs=True,
        subject="pair",
    ),
    Verb(
        "POST", "/api/held/discard", "Let what is held be parked instead of written.",
        lambda desk, given: {"records": desk.discard(given.get("pair"))}, (PAIR,), Role.OPERATOR, needs=True,
        subject="pair",
    ),
    Verb(
        "POST", "/api/undo", "Take back what a run wrote, where it still stands.",
        lambda desk, given: desk.undo(given["run"], given.get("map"), given.get("field"), given.get("ref")),
        (
            Param("run", "its number", "integer", needed=True), MAP, Param("field", "only this field"),
            Param("ref", "only this record, and whom it is linked with"),
        ), Role.OPERATOR, needs=True, subject="run",
    ),
)  # fmt: skip


@dataclass(slots=True)
class Api:
    """Over one desk. `ready`: whether its daemon works."""

    desk: Desk
    doors: Doors
    ready: Callable[[], bool]

    def answers(self, verb: Verb) -> Callable[[Request], Any]:
        """An endpoint."""

        async def endpoint(request: Request) -> Response:
            try:
                visitor = await self._visitor(request)
                if visitor.role < verb.role:
                    raise guards.Unfit(403, f"This needs the role {verb.role}.")
                if verb.needs and not self.ready():
                    raise guards.Unfit(503, "syncd is starting: a system has not answered yet.")
                given = understood(verb, await _told(request))
                return self._said(await run_in_threadpool(self._done, verb, visitor, given))
            except guards.Unfit as unfit:
                return self._refused(unfit.status, str(unfit))
            except ConfigError as error:
                return self._refused(422, str(error.problems[0]), error.problems)
            except SyncdError as error:
                return self._refused(503, str(error))
            except asyncio.CancelledError:  # the server has closed, and waits no longer
                return self._refused(504, guards.closed(request))

        return endpoint

    async def described(self, request: Request) -> Response:
        """The description of all of it, as OpenAPI has it."""
        try:
            await self._visitor(request)
        except guards.Unfit as unfit:
            return self._refused(unfit.status, str(unfit))
        return self._said(openapi())

    async def _visitor(self, request: Request) -> Visitor:
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secret:
            raise guards.Unfit(401, "Send a token: Authorization: Bearer TOKEN. `syncd user token` makes one.")
        visitor = await run_in_threadpool(self.doors.program, secret.strip())
        if visitor is None:
            raise guards.Unfit(401, "This token is not known, or has ended.")
        return visitor

    def _done(self, verb: Verb, visitor: Visitor, given: Given) -> Any:
        found = verb.do(self.desk, given)
        if verb.method == "POST":
            detail = {name: value for name, value in given.items() if name != "value"}
            with self.desk.ready_store.begin() as tx:
                tx.deeds.add(visitor.name, verb.name, str(given.get(verb.subject, "")), detail, self.desk.clock())
        return found

    def _said(self, found: Any) -> Response:
        return Response(orjson.dumps(found, default=_plain), media_type=MEDIA)

    def _refused(self, status: int, sentence: str, problems: Sequence[Problem] = ()) -> Response:
        told: dict[str, Any] = {"status": status, "title": sentence}
        if problems:
            told["problems"] = [{"place": p.place, "message": p.message, "remedy": p.remedy} for p in problems]
        more = {"www-authenticate": "Bearer"} if status == 401 else {}
        return Response(orjson.dumps(told), status, more, TROUBLE)


async def _told(request: Request) -> Mapping[str, Any]:
    if request.method == "GET":
        return dict(request.query_params)
    body = await guards.body_of(request)
    try:
        found = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise guards.Unfit(400, "The body is no JSON.") from None
    if not isinstance(found, dict):
        raise guards.Unfit(400, "The body is no JSON object.")
    return found


def understood(verb: Verb, told: Mapping[str, Any]) -> Given:
    """What a verb was told, each of its kind. Raises ConfigError naming what does not fit."""
    known = {one.name: one for one in verb.params}
    problems = [
        Problem(name, "is not known here.", f"Known: {', '.join(known)}.") for name in told if name not in known
    ]
    problems += [
        Problem(one.name, "is missing.", one.about) for one in verb.params if one.needed and one.name not in told
    ]
    given = {}
    for name in (name for name in told if name in known):
        try:
            given[name] = _of_kind(known[name], told[name])
        except ValueError as error:
            problems.append(Problem(name, str(error), known[name].about))
    if problems:
        raise ConfigError(problems)
    return given


def _of_kind(param: Param, value: Any) -> Any:
    if param.kind == "integers":
        if isinstance(value, list) and value and all(_whole(one) for one in value):
            return value
        raise ValueError("must be a list of numbers.")
    if param.kind == "integer":
        if _whole(value):
            return value
        if isinstance(value, str) and value.isdecimal() and len(value) < 19:
            return int(value)
        raise ValueError("must be a number.")
    if param.kind == "boolean":
        if isinstance(value, bool):
            return value
        raise ValueError("must be true or false.")
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("must be a text.")
    if param.choices and value not in param.choices:
        raise ValueError(f"must be one of {', '.join(param.choices)}.")
    return value


def _whole(value: Any) -> bool:
    """Whether it is a whole number that a database can keep."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


_TYPES: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"}, "integer": {"type": "integer"}, "boolean": {"type": "boolean"},
    "integers": {"type": "array", "items": {"type": "integer"}},
}  # fmt: skip


def openapi() -> dict[str, Any]:
    """The description that other programs read."""
    paths: dict[str, Any] = {}
    for verb in VERBS:
        paths.setdefault(verb.path, {})[verb.method.lower()] = _operation(verb)
    return {
        "openapi": "3.1.0",
        "info": {"title": "syncd", "version": VERSION, "description": "What syncd knows and does, for programs."},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
        "paths": paths,
    }


def _operation(verb: Verb) -> dict[str, Any]:
    schemas = {one.name: _schema(one) for one in verb.params}
    needed = [one.name for one in verb.params if one.needed]
    told: dict[str, Any] = {
        "summary": verb.about,
        "description": f"Needs the role {verb.role}.",
        "operationId": verb.path.removeprefix("/api/").replace("/", "_") + f"_{verb.method.lower()}",
        "responses": {
            "200": {"description": "Done.", "content": {MEDIA: {"schema": {}}}},
            **{status: {"description": why, "content": {TROUBLE: {"schema": {}}}} for status, why in _REFUSALS.items()},
        },
    }
    if verb.method == "GET":
        told["parameters"] = [
            {"name": one.name, "in": "query", "required": one.needed, "description": one.about, "schema": _schema(one)}
            for one in verb.params
        ]
        return told
    schema = {"type": "object", "properties": schemas, "additionalProperties": False}
    content = {MEDIA: {"schema": {**schema, **({"required": needed} if needed else {})}}}
    return {**told, "requestBody": {"required": bool(needed), "content": content}}


_REFUSALS = {
    "400": "The body is no JSON object.",
    "401": "No token, or one that is not known.",
    "403": "Another role is needed.",
    "422": "What was told does not fit; `problems` says what.",
    "503": "syncd is starting, or a vendor is in trouble.",
    "504": "syncd ended, or went on with another set-up, before this was done: it may have been done, or not.",
}


def _schema(param: Param) -> dict[str, Any]:
    more = {"enum": list(param.choices)} if param.choices else {}
    return {**_TYPES[param.kind], "description": param.about, **more}
