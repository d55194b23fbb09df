"""One request after the door: what the handlers get to see, and what they answer.

What is not here: sockets (`server`) and the door itself (`gate`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.parser import BytesParser
from typing import Any

import orjson

from syncd_salesforce.sandbox import ids, times
from syncd_salesforce.sandbox.cursors import Cursors
from syncd_salesforce.sandbox.errors import Refusal, not_found, parser_error, refuse
from syncd_salesforce.sandbox.gate import Gate, Session
from syncd_salesforce.sandbox.jobs import Jobs
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.store import Hand


@dataclass(slots=True)
class Answer:
    """A status, a JSON body (None: empty), a text or bytes, and headers."""

    status: int = 200
    body: Any = None
    text: str | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Call:
    """A request: the org, the session, the version in its path, and all that it brought. `inner`: of a composite."""

    org: Org
    gate: Gate
    cursors: Cursors
    jobs: Jobs
    session: Session
    version: str
    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes = b""
    given: Any = None
    inner: bool = False

    @property
    def body(self) -> Any:
        """The JSON body; Refusal for one that is none."""
        if self.given is not None or self.inner:
            return self.given
        if not self.raw.strip():
            raise parser_error("No content to map to Object due to end of input")
        kind = self.headers.get("content-type", "application/json")
        if kind.startswith("multipart/"):
            return _parts(kind, self.raw)
        if "json" not in kind:
            raise refuse("UNSUPPORTED_MEDIA_TYPE", f"Content type '{kind}' not supported.", status=415)
        try:
            return orjson.loads(self.raw)
        except orjson.JSONDecodeError as error:
            raise parser_error(f"{error.msg} at [line:{error.lineno}, column:{error.colno}]") from error

    @property
    def record(self) -> dict[str, Any]:
        """The body as one record."""
        body = self.body
        if not isinstance(body, dict):
            raise parser_error("Cannot deserialize instance of SObject from START_ARRAY at [line:1, column:1]")
        return body

    @property
    def thing(self) -> Thing:
        """The object in the path; 404 where there is none."""
        found = self.org.schema.find(self.path["type"])
        if found is None:
            raise not_found()
        return found

    @property
    def id(self) -> str:
        """The record id in the path, with 18 characters."""
        found = ids.full(self.path["id"])
        if found is None:
            words = f"Provided external ID field does not exist or is not accessible: {self.path['id']}"
            raise refuse("NOT_FOUND", words)
        return found

    @property
    def hand(self) -> Hand:
        """Who writes, and what the headers ask for."""
        user = self.org.store.rows["User"][self.session.user]
        rules = _options(self.headers.get("sforce-duplicate-rule-header", ""))
        return Hand(
            user["Id"],
            user["Username"],
            auto_assign=self.headers.get("sforce-auto-assign", "TRUE").strip().upper() != "FALSE",
            allow_save=rules.get("allowsave") == "true",
        )

    def flag(self, name: str) -> bool:
        """A yes or no among the query's parameters."""
        return self.query.get(name, "").lower() == "true"

    def batch(self) -> int | None:
        """The batch size that is asked for."""
        told = _options(self.headers.get("sforce-query-options", "")).get("batchsize", "")
        return int(told) if told.isdigit() else None

    def sub(self, **more: Any) -> Call:
        """A request within this one."""
        return replace(self, inner=True, raw=b"", **more)

    def moment(self, header: str) -> int | None:
        """A header that holds an HTTP date; 400 for one that is none."""
        text = self.headers.get(header)
        if text is None:
            return None
        try:
            return times.http_moment(text)
        except (ValueError, TypeError) as error:
            raise refuse("INVALID_HEADER_VALUE", f"invalid date in {header}: {text}") from error


Handler = Callable[[Call], Answer]


def of_refusal(error: Refusal) -> Answer:
    """The answer of a refused single call."""
    return Answer(error.status, error.body, headers=dict(error.headers))


def _parts(kind: str, raw: bytes) -> Any:
    """A record whose JSON is the first part, and each further part is the field of its name, in bytes."""
    message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + raw)
    parts: Any = message.get_payload()
    if not isinstance(parts, list) or not parts:
        raise parser_error("the body has no parts")
    try:
        record = orjson.loads(parts[0].get_payload(decode=True) or b"")
    except orjson.JSONDecodeError as error:
        raise parser_error(str(error)) from error
    rest = {
        str(each.get_param("name", header="content-disposition")): each.get_payload(decode=True) for each in parts[1:]
    }
    return {**record, **rest} if isinstance(record, dict) else record


def _options(text: str) -> dict[str, str]:
    """`allowSave=true; includeRecordDetails=true`, by lower-case names."""
    pairs = (part.partition("=") for part in text.replace(",", ";").split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs}
