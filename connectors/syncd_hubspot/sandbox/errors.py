"""The refusals of HubSpot as data: status, category, sentence, details, in the shapes of its public API.

What is not here: when to refuse (`values`, `writes`, `gate`, ...) and sending (`server`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Problem:
    """One property value at fault: its name, HubSpot's code and a sentence."""

    name: str
    code: str
    message: str


class ApiError(Exception):
    """A request that is answered with a refusal. `body` lacks only the correlation id."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        """Take the whole answer."""
        self.status = status
        self.body = dict(body)
        self.headers = dict(headers or {})
        super().__init__(str(self.body.get("message", status)))

    @property
    def category(self) -> str:
        """The category, for the entries of a 207."""
        return str(self.body.get("category", "VALIDATION_ERROR"))

    def entry(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """This refusal as one entry of `errors` in a 207, about the inputs that `context` names."""
        found = {"status": "error", "category": self.category, "message": str(self), "context": dict(context)}
        return {**found, "errors": self.body["errors"]} if "errors" in self.body else found


def refuse(status: int, category: str, message: str, **more: Any) -> ApiError:
    """Any refusal with HubSpot's usual head."""
    return ApiError(status, {"status": "error", "message": message, "category": category, **more})


def bad_request(message: str, **more: Any) -> ApiError:
    """A 400 about the request itself."""
    return refuse(400, "VALIDATION_ERROR", message, **more)


def not_found(message: str = "resource not found") -> ApiError:
    """A 404 about one record."""
    return refuse(404, "OBJECT_NOT_FOUND", message)


def already_exists(singular: str, existing: int) -> ApiError:
    """The 409 of a second contact with one e-mail address; the id is only in the sentence."""
    return refuse(409, "CONFLICT", f"{singular.capitalize()} already exists. Existing ID: {existing}")


def unique_taken(name: str, existing: int, status: int) -> ApiError:
    """A second record with one value of a unique custom property; the status is a switch (400 or 409)."""
    problem = Problem(name, "CONFLICTING_UNIQUE_VALUE", f"{existing} already has that value.")
    found = invalid_values([problem], "both")
    category = "CONFLICT" if status == 409 else "VALIDATION_ERROR"
    return ApiError(status, {**found.body, "category": category})


def invalid_values(problems: Sequence[Problem], style: str) -> ApiError:
    """The 400 of bad property values.

    HubSpot tells the details in `errors`, or only as a JSON array inside `message`; `style` says which: `errors`,
    `message` or `both`.
    """
    sentence = "Property values were not valid"
    if style in ("message", "both"):
        sentence += ": " + orjson.dumps([_embedded(problem) for problem in problems]).decode()
    body: dict[str, Any] = {"status": "error", "message": sentence, "category": "VALIDATION_ERROR"}
    if style in ("errors", "both"):
        body["errors"] = [_detail(problem) for problem in problems]
    return ApiError(400, body)


def missing_scopes(scopes: Sequence[str]) -> ApiError:
    """The 403 that names the scopes of which one is needed."""
    page = "https://developers.hubspot.com/scopes"
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(scopes)},
    }
    sentence = f"This app hasn't been granted all required scopes to make this call. Read more here: {page}."
    return refuse(403, "MISSING_SCOPES", sentence, errors=[detail], links={"scopes": page})


def unauthorized(expired: bool) -> ApiError:
    """The 401 of an unknown or outlived token."""
    if expired:
        return refuse(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.")
    sentence = (
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
    )
    return refuse(401, "INVALID_AUTHENTICATION", sentence)


def _detail(problem: Problem) -> dict[str, Any]:
    return {"message": problem.message, "code": problem.code, "context": {"propertyName": [problem.name]}}


def _embedded(problem: Problem) -> dict[str, Any]:
    return {
        "isValid": False,
        "message": problem.message,
        "error": problem.code,
        "name": problem.name,
        "localizedErrorMessage": problem.message,
    }
