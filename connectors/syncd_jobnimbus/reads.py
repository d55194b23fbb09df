"""Reading by id, from the primary store.

What is not here: lists. JobNimbus has no batch read: a request per id, two at a time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from syncd.core.model import Gone, Record, Ref
from syncd.errors import Transient
from syncd_jobnimbus.client import Client, One
from syncd_jobnimbus.explain import Forbidden, NotFound
from syncd_jobnimbus.rows import Rows, is_deleted, is_member

AT_ONCE = 2
"""Requests under way; more are not documented to be welcome, and real users send no more than three."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads single records of one account."""

    client: Client
    rows: Rows

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record | Gone]:
        """Every id asked for is in the answer."""
        wanted = list(dict.fromkeys(ids))
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            answers = list(pool.map(partial(self.ask, kind), wanted))
        since = time.monotonic()  # one canary that is read after all of these tells of all of them
        told = zip(wanted, answers, strict=True)
        return {each: self.told(kind, each, answer, fields, since) for each, answer in told}

    def ask(self, kind: str, id: str) -> One | Gone:
        """A record as it is answered; Gone when it is not found, or hidden from our key."""
        asked_at = self.client.now()
        try:
            return self._get(kind, id)
        except NotFound:
            return Gone(ref=Ref(self.rows.system, kind, id), read_at=asked_at)

    def told(self, kind: str, id: str, answer: One | Gone, fields: Sequence[str], since: float | None) -> Record | Gone:
        """What an answer tells: Gone also when it is deleted (a tombstone), or a team member. `since`: see `Rows`.

        What a merge leaves behind is not documented; an answer under another id is taken for one.
        """
        ref = Ref(self.rows.system, kind, id)
        if isinstance(answer, Gone):
            return answer
        if (other := str(answer.row["jnid"])) != id:
            return Gone(ref=ref, became=(other,), read_at=answer.sent_at)
        if is_deleted(answer.row):
            return Gone(ref=ref, tombstone=True, read_at=answer.sent_at)
        if is_member(kind, answer.row):
            return Gone(ref=ref, read_at=answer.sent_at)
        return self.rows.record(kind, answer.row, fields, answer.sent_at, since, at=answer.at)

    def _get(self, kind: str, id: str) -> One:
        try:
            answer = self.client.get(kind, id)
        except Forbidden:
            # One record may be hidden from our access profile; if the kind is, that is the operator's business.
            self.client.listing(kind, size=1)
            raise NotFound(f"The record {id} of {kind} is hidden from the API key.") from None
        if not answer.row.get("jnid"):
            raise Transient(f"JobNimbus answered {kind}/{id} with something that is not a record.")
        return answer
