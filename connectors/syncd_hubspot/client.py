"""HubSpot's paths as thin functions over `kit.http`: one method per endpoint, wire dictionaries in and out.

The official client is not used, not even for schema and owners: its paths are v3, which ends in 2027, it has no
time-outs of its own, and these few calls need no more than a path each.

What is not here: canonical values (`values`), records (`reads`), and what an answer means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from syncd.errors import Refused, Transient
from syncd.kit.http import Answer, Http
from syncd_hubspot.troubles import HubSpotForbidden, HubSpotRefused, Trouble, parse

KINDS = ("contacts", "deals")
"""The kinds that syncd speaks; HubSpot has more."""

LIST_LIMIT = 100
SEARCH_LIMIT = 200
BATCH_LIMIT = 100
ASSOCIATION_LIMIT = 1000

_ID = re.compile(r"\d+\Z")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a list, search or batch answered: rows, the errors of a 207, where to go on, and when it was asked."""

    rows: Sequence[Row]
    errors: Sequence[Trouble] = ()
    after: str | None = None
    total: int | None = None
    sent_at: datetime


class Client:
    """The endpoints syncd uses, of one dated API version such as `2026-03`. Raises what `Http.request` raises."""

    def __init__(self, http: Http, version: str) -> None:
        """Take the open door and the version that stands in every path."""
        self.http = http
        self._version = version

    def account(self) -> Row:
        """The account's details: portal id and time zone."""
        return _row(self.http.request("GET", f"/account-info/{self._version}/details"))

    def properties(self, kind: str) -> Sequence[Row]:
        """Every living property of a kind, in one answer. Refused for a kind that syncd does not speak."""
        if kind not in KINDS:
            raise Refused(f"syncd knows these kinds of HubSpot: {', '.join(KINDS)}.")
        return _answered(self.http.request("GET", f"/crm/properties/{self._version}/{kind}")).rows

    def pipelines(self, kind: str) -> Sequence[Row]:
        """The pipelines of a kind with their stages."""
        return _answered(self.http.request("GET", f"/crm/pipelines/{self._version}/{kind}")).rows

    def owners(self, archived: bool) -> Iterator[Row]:
        """All owners, active or archived, page after page."""
        after: str | None = None
        while True:
            params = _params({"limit": LIST_LIMIT, "archived": _flag(archived), "after": after})
            answer = _answered(self.http.request("GET", f"/crm/owners/{self._version}", params=params))
            yield from answer.rows
            after = answer.after
            if after is None:
                return

    def list(
        self,
        kind: str,
        *,
        properties: Sequence[str] = (),
        after: str | None = None,
        associations: str | None = None,
        archived: bool = False,
        limit: int = LIST_LIMIT,
    ) -> Answered:
        """One page of the primary store, ascending by id; `after` is the id-based cursor of the page before."""
        params = {"limit": limit, "archived": _flag(archived), "properties": ",".join(properties) or None}
        params |= {"associations": associations, "after": after}
        return _page(self.http.request("GET", self._objects(kind), params=_params(params)))

    def get(self, kind: str, id: str, properties: Sequence[str], *, history: Sequence[str] = ()) -> Row | None:
        """One living record, None for a 404 or one that is hidden from the token.

        A merged id answers with the record it became: its `id` differs.

        `history`: properties of which the answer tells every value, newest first.
        """
        past = ",".join(history) or None
        params = _params({"properties": ",".join(properties) or None, "propertiesWithHistory": past})
        answer = self._if_seen(f"{self._objects(kind)}/{id}", params)
        if answer is None:
            return None
        row = _row(answer)
        return row if is_id(row.get("id")) else _no_record(answer)

    def batch_read(
        self,
        kind: str,
        ids: Sequence[str],
        properties: Sequence[str],
        *,
        id_property: str | None = None,
        archived: bool = False,
    ) -> Answered:
        """Up to 100 records by id, or by a unique property. Missing ones stand in `errors`, or nowhere."""
        body: dict[str, Any] = {"inputs": [{"id": one} for one in ids], "properties": list(properties)}
        if id_property is not None:
            body["idProperty"] = id_property
        params = {"archived": "true"} if archived else None
        return _batch(self.http.request("POST", f"{self._objects(kind)}/batch/read", params=params, json=body))

    def search(self, kind: str, body: Row) -> Answered:
        """One search request; hits come from a lagging index and are only good as ids."""
        return _page(self.http.request("POST", f"{self._objects(kind)}/search", json=body, limit="search"))

    def batch_write(self, kind: str, verb: str, inputs: Sequence[Row]) -> Answered:
        """`batch/create` or `batch/update` of up to 100 inputs; sent once, so a lost answer is Ambiguous."""
        path = f"{self._objects(kind)}/batch/{verb}"
        return _batch(self.http.request("POST", path, json={"inputs": list(inputs)}, idempotent=False), write=True)

    def batch_archive(self, kind: str, ids: Sequence[str]) -> datetime:
        """Up to 100 records into the recycling bin, gone ones passed over; when it was asked. May be Ambiguous."""
        body = {"inputs": [{"id": one} for one in ids]}
        path = f"{self._objects(kind)}/batch/archive"
        return self.http.request("POST", path, json=body, idempotent=False).sent_at

    def associations(self, kind: str, to: str, inputs: Sequence[Row]) -> Answered:
        """The ids that up to 1,000 records are associated with."""
        path = f"/crm/associations/{self._version}/{kind}/{to}/batch/read"
        return _answered(self.http.request("POST", path, json={"inputs": list(inputs)}))

    def associate(self, kind: str, id: str, to: str, to_id: str) -> None:
        """Make the unlabelled default association; the same again changes nothing."""
        self.http.request("PUT", f"{self._objects(kind)}/{id}/associations/default/{to}/{to_id}")

    def dissociate(self, kind: str, id: str, to: str, to_id: str) -> None:
        """Remove every association between two records; the same again changes nothing."""
        self.http.request("DELETE", f"{self._objects(kind)}/{id}/associations/{to}/{to_id}")

    def file(self, id: str) -> Row | None:
        """The details of one file; None for a 404 or one that is hidden from the token."""
        answer = self._if_seen(f"/files/{self._version}/files/{id}")
        return None if answer is None else _row(answer)

    def _if_seen(self, path: str, params: Mapping[str, str] | None = None) -> Answer | None:
        """What stands there; None for a 404, or where the token may not see it."""
        try:
            return self.http.request("GET", path, params=params)
        except HubSpotForbidden:
            return None
        except HubSpotRefused as refused:
            if refused.status == 404:
                return None
            raise

    def _objects(self, kind: str) -> str:
        return f"/crm/objects/{self._version}/{kind}"


def _answered(answer: Answer, *, write: bool = False) -> Answered:
    """The rows of a 2xx; a body without them is trouble, never an empty answer (a write's is left to be reconciled)."""
    body = answer.body if isinstance(answer.body, Mapping) else {}
    rows = body.get("results")
    if not isinstance(rows, list):
        if not write:
            raise Transient(f"HubSpot answered {answer.status} without results at {answer.url}.")
        rows = []
    following = ((body.get("paging") or {}).get("next") or {}).get("after")
    total = body.get("total")
    return Answered(
        rows=[row for row in rows if isinstance(row, Mapping)],
        errors=[parse(item) for item in body.get("errors") or []],
        after=None if following in (None, "") else str(following),
        total=total if isinstance(total, int) else None,
        sent_at=answer.sent_at,
    )


def _batch(answer: Answer, *, write: bool = False) -> Answered:
    """The records of a batch: a row without an id is none, so its record counts as not answered."""
    found = _answered(answer, write=write)
    return replace(found, rows=[row for row in found.rows if is_id(row.get("id"))])


def _page(answer: Answer) -> Answered:
    """The records of a list or a search: a row without an id is trouble, since a record would be passed over."""
    found = _answered(answer)
    return found if all(is_id(row.get("id")) for row in found.rows) else _no_record(answer)


def is_id(value: object) -> bool:
    """Whether this may be a record's id: digits, as a text or as a number."""
    return _ID.match(str(value)) is not None


def _row(answer: Answer) -> Row:
    return answer.body if isinstance(answer.body, Mapping) else _no_record(answer)


def _no_record(answer: Answer) -> NoReturn:
    raise Transient(f"HubSpot answered {answer.status} without a record at {answer.url}.")


def _params(params: Row) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _flag(value: bool) -> str:
    return "true" if value else "false"
