"""Several requests in one, with references from later ones to what earlier ones answered.

What is not here: what each of them does; `server` carries them out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from syncd_salesforce.sandbox.call import Answer, Call
from syncd_salesforce.sandbox.errors import Refusal, refuse
from syncd_salesforce.sandbox.writes import transaction

Carry = Callable[[Call, str, str, Mapping[str, str], Any], Answer]
"""Carries out a request within a call: method, address, headers, body."""

_MOST = 25
_HEAVY = 5
_GRAPHS, _NODES, _FAILURES = 75, 500, 14
_REFERENCE = re.compile(r"@\{([^}.\[]+)([^}]*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_HEAVY_PATHS = re.compile(r"/(query|queryAll|composite/sobjects)\b")


class _RolledBackError(Exception):
    """One failed, and it was all or nothing."""


def composite(call: Call, carry: Carry) -> Answer:
    """POST /composite."""
    order = call.record
    asked = _requests(order)
    heavy = [each for each in asked if _HEAVY_PATHS.search(each["url"].partition("?")[0])]
    if len(asked) > _MOST or len(heavy) > _HEAVY:
        sentence = f"Limit exceeded: at most {_MOST} subrequests, {_HEAVY} of them lists or queries"
        raise refuse("LIMIT_EXCEEDED", sentence)
    if order.get("allOrNone"):
        return Answer(200, {"compositeResponse": _whole(call, asked, carry)[0]})
    answers: list[dict[str, Any]] = []
    _all(call, asked, carry, answers, whole=False)
    return Answer(200, {"compositeResponse": answers})


def graphs(call: Call, carry: Carry) -> Answer:
    """POST /composite/graph: each graph is all or nothing by itself; after 14 failed ones the rest is not tried."""
    given = call.record.get("graphs")
    if not isinstance(given, list) or not all(isinstance(each, dict) and "graphId" in each for each in given):
        raise refuse("INVALID_INPUT", "graphs is missing, or one of them has no graphId")
    asked = [_requests(each) for each in given]
    if len(given) > _GRAPHS or sum(map(len, asked)) > _NODES:
        raise refuse("LIMIT_EXCEEDED", f"Limit exceeded: at most {_GRAPHS} graphs with {_NODES} nodes in all")
    told, failures = [], 0
    for graph, requests in zip(given, asked, strict=True):
        if failures >= _FAILURES:
            answers, good = [_halted(each["referenceId"]) for each in requests], False
        else:
            answers, good = _whole(call, requests, carry)
        failures += not good
        response = {"compositeResponse": answers}
        told.append({"graphId": graph["graphId"], "graphResponse": response, "isSuccessful": good})
    return Answer(200, {"graphs": told})


def _requests(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    asked = order.get("compositeRequest")
    if not isinstance(asked, list) or not asked or not all(map(_sound, asked)):
        raise refuse("INVALID_INPUT", "compositeRequest is missing, or one of its requests is not whole")
    return asked


def _whole(call: Call, asked: list[dict[str, Any]], carry: Carry) -> tuple[list[dict[str, Any]], bool]:
    """All of them or none: the answers, and whether it was all."""
    answers: list[dict[str, Any]] = []
    try:
        with transaction(call.org, call.hand):
            _all(call, asked, carry, answers, whole=True)
    except _RolledBackError:
        halted = [_halted(each["referenceId"]) for each in answers[:-1]]
        rest = [_halted(each["referenceId"]) for each in asked[len(answers) :]]
        return [*halted, answers[-1], *rest], False
    return answers, True


def _sound(each: Any) -> bool:
    """Method, address and name are texts, headers an object."""
    words = ("method", "url", "referenceId")
    return (
        isinstance(each, dict)
        and all(isinstance(each.get(word), str) for word in words)
        and isinstance(each.get("httpHeaders") or {}, dict)
    )


def _all(call: Call, asked: list[dict[str, Any]], carry: Carry, answers: list[dict[str, Any]], *, whole: bool) -> None:
    known: dict[str, Any] = {}
    for each in asked:
        name = str(each.get("referenceId"))
        answer = _one(call, each, carry, known)
        if answer.status < 300:
            known[name] = answer.body
        answers.append(_told(answer, name))
        if whole and (answer.status >= 300 or _some_failed(answer.body)):
            raise _RolledBackError


def _some_failed(body: Any) -> bool:
    """All or nothing reaches into lists, too."""
    return isinstance(body, list) and any(isinstance(each, dict) and each.get("success") is False for each in body)


def _one(call: Call, each: Mapping[str, Any], carry: Carry, known: Mapping[str, Any]) -> Answer:
    try:
        url = _resolved(str(each.get("url")), known, in_url=True)
        body = _resolved(each.get("body"), known)
    except Refusal as error:
        return Answer(error.status, error.body)
    own = {str(name).lower(): str(value) for name, value in (each.get("httpHeaders") or {}).items()}
    kept = {name: value for name, value in call.headers.items() if name.startswith("sforce-")}
    return carry(call, str(each.get("method", "GET")).upper(), url, {**kept, **own}, body)


def _resolved(value: Any, known: Mapping[str, Any], *, in_url: bool = False) -> Any:
    if isinstance(value, Mapping):
        return {name: _resolved(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, known) for each in value]
    if not isinstance(value, str) or "@{" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole and not in_url:
        return _meant(whole, known)

    def text(found: re.Match[str]) -> str:
        meant = str(_meant(found, known))
        return quote(meant, safe="") if in_url else meant

    return _REFERENCE.sub(text, value)


def _meant(match: re.Match[str], known: Mapping[str, Any]) -> Any:
    name, value = match[1], known.get(match[1])
    for word, at in _STEP.findall(match[2]):
        value = value.get(word) if word and isinstance(value, Mapping) else (
            value[int(at)] if at and isinstance(value, list) and int(at) < len(value) else None
        )  # fmt: skip
    if value is None:
        sentence = f"Invalid reference specified. No value for {name}{match[2]} found in {name}"
        raise refuse("PROCESSING_HALTED", sentence)
    return value


def _told(answer: Answer, name: str) -> dict[str, Any]:
    return {
        "body": answer.body, "httpHeaders": answer.headers, "httpStatusCode": answer.status, "referenceId": name,
    }  # fmt: skip


def _halted(name: str) -> dict[str, Any]:
    sentence = "The transaction was rolled back since another operation in the same transaction failed."
    body = [{"errorCode": "PROCESSING_HALTED", "message": sentence}]
    return {"body": body, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": name}
