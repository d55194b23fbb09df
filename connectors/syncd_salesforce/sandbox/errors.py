"""The refusals of Salesforce as data, in the shapes of single calls and of list results.

What is not here: when to refuse, and sending (`server`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_STATUS: Mapping[str, int] = {
    "ENTITY_IS_DELETED": 404,
    "NOT_FOUND": 404,
    "INSUFFICIENT_ACCESS_OR_READONLY": 403,
    "INVALID_SESSION_ID": 401,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: Salesforce's code and sentence, the fields at fault (None: it names none)."""

    code: str
    message: str
    fields: Sequence[str] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def single(self) -> dict[str, Any]:
        """As single calls tell it, with `errorCode`."""
        told: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            told["fields"] = list(self.fields)
        return {**told, **self.more}

    def item(self) -> dict[str, Any]:
        """As results of lists tell it, with `statusCode`."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ()), **self.more}


class Refusal(Exception):
    """A request or a record that is refused. `status` stands over the one that the first code has."""

    def __init__(self, *problems: Problem, status: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        """Take one or more problems."""
        self.problems = problems
        self.status = status or _STATUS.get(problems[0].code, 400)
        self.headers = dict(headers or {})
        super().__init__("; ".join(f"{each.code}: {each.message}" for each in problems))

    @property
    def body(self) -> Any:
        """The array of a single call."""
        return [each.single() for each in self.problems]

    def item(self, id: str | None = None) -> dict[str, Any]:
        """The result of one record in a list."""
        told = {"success": False, "errors": [each.item() for each in self.problems]}
        return {"id": id, **told} if id else told


class Multiple(Exception):
    """An external id that several records have: 300 with where they are."""

    def __init__(self, places: Sequence[str]) -> None:
        """Take the records' addresses."""
        self.places = list(places)
        super().__init__("several records have this external id")


def refuse(code: str, message: str, *, status: int | None = None) -> Refusal:
    """A refusal of a whole request."""
    return Refusal(Problem(code, message), status=status)


def bad_row(code: str, message: str, *fields: str) -> Refusal:
    """A refusal of one record, with the fields at fault."""
    return Refusal(Problem(code, message, fields))


def unwritable(names: Sequence[str]) -> Problem:
    """Fields that this user, or this record, may not be written."""
    sentence = f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this "
    sentence += "field and verify that it is read/write for your profile or permission set."
    return Problem("INVALID_FIELD_FOR_INSERT_UPDATE", sentence, names)


def locked_row(id: str) -> Refusal:
    """A record that another transaction holds."""
    return bad_row("UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {id}")


def not_found() -> Refusal:
    """A record, or a path, that is not there."""
    return refuse("NOT_FOUND", "The requested resource does not exist")


def parser_error(message: str) -> Refusal:
    """A body that cannot be read."""
    return refuse("JSON_PARSER_ERROR", message)
