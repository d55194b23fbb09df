"""Around every connector: each error names its system, and an answer that nobody foresaw is no crash of ours.

What is not here: what a connector makes of odd values that it did foresee (they are unknown), and answers that are no
JSON at all (`http`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from syncd.core.model import Change, File, Gone, MatchKey, Operation, Outcome, Record, Result, Schema, SyncKey
from syncd.errors import Refused, SyncdError, Transient
from syncd.kit.connector import Connector, Finding, Page, Severity

if TYPE_CHECKING:
    from datetime import datetime

    from syncd.kit.connector import Capabilities, Cursor, Known

log = structlog.get_logger("syncd.kit")

ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What code trips over when a list stands where a text was promised, or a number is larger than any date."""


class Careful:
    """A connector that speaks as the one within, and raises nothing but syncd's own errors, with the system's name.

    An error may be made far from the wire, of a part of an answer or of a count of calls; whose it is, is said here.
    A feed that cannot be understood is Transient: its cursor stays, and it is read again. A record that cannot be
    understood is Refused with a sentence: it is parked alone. A write whose answer cannot be understood is ambiguous.
    """

    def __init__(self, inner: Connector, system: str | None = None) -> None:
        """Take the connector within, its name and its settings. `system`: what the set-up calls it, if otherwise."""
        self.inner, self.system = inner, system or inner.name
        self.name, self.secret_name = inner.name, inner.secret_name
        self.settings, self.kinds, self.tells_zone = inner.settings, inner.kinds, inner.tells_zone
        self.receiver, self.signs_url = inner.receiver, inner.signs_url

    @property
    def capabilities(self) -> Capabilities:
        """As the one within."""
        return self.inner.capabilities

    def now(self) -> datetime:
        """As the one within."""
        return self.inner.now()

    def check(self) -> Sequence[Finding]:
        """As the one within; what it cannot make sense of is a finding."""
        try:
            with self._naming():
                return self.inner.check()
        except ODD as error:
            remedy = "Look at the vendor's status page, then try again."
            return [Finding(Severity.ERROR, self.system, self._told("check", error), remedy)]

    def describe(self, kind: str) -> Schema:
        """As the one within."""
        with self._odd(Transient, f"fields of {kind}"):
            return self.inner.describe(kind)

    def account(self) -> str | None:
        """As the one within."""
        return self.inner.account()

    def forget_schema(self) -> None:
        """As the one within."""
        self.inner.forget_schema()

    def changes(self, kind: str, since: Cursor | None, fields: Sequence[str], known: Known) -> Iterator[Page]:
        """As the one within."""
        with self._odd(Transient, f"changes of {kind}"):
            for page in self.inner.changes(kind, since, fields, known):
                _must_have_names(page.records)
                yield page

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record | Gone]:
        """As the one within."""
        with self._odd(Refused, f"{kind} {', '.join(ids[:3])}"):
            return self.inner.read(kind, ids, fields)

    def find(self, kind: str, keys: Sequence[SyncKey | MatchKey], fields: Sequence[str]) -> Sequence[Record]:
        """As the one within."""
        with self._odd(Refused, f"a look-up of {kind}"):
            found = self.inner.find(kind, keys, fields)
            _must_have_names(found)
            return found

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        """As the one within; whatever was not answered by then may have been carried out, or not."""
        open_ = {operation.id for operation in operations}
        try:
            with self._naming():
                for outcomes in self.inner.write(kind, operations):
                    open_ -= {outcome.operation for outcome in outcomes}
                    yield outcomes
        except ODD as error:
            told = self._told(f"a write of {kind}", error)
            yield [Outcome(operation=one, result=Result.AMBIGUOUS, error=told) for one in sorted(open_)]

    def history(self, kind: str, id: str, field: str) -> Sequence[Change]:
        """As the one within; what it cannot make sense of is not told."""
        try:
            with self._naming():
                return self.inner.history(kind, id, field)
        except ODD as error:
            self._told(f"the history of {field}", error)
            return ()

    def files(self, kind: str, id: str) -> Sequence[File]:
        """As the one within."""
        with self._odd(Refused, f"the files of {kind} {id}"):
            return self.inner.files(kind, id)

    def url(self, kind: str, id: str) -> str | None:
        """As the one within."""
        return self.inner.url(kind, id)

    def close(self) -> None:
        """As the one within."""
        self.inner.close()

    @contextmanager
    def _odd(self, kind: type[SyncdError], about: str) -> Iterator[None]:
        with self._naming():
            try:
                yield
            except ODD as error:
                raise kind(self._told(about, error)) from error

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except SyncdError as error:
            error.system = error.system or self.system
            raise

    def _told(self, about: str, error: Exception) -> str:
        log.warning("odd", system=self.system, about=about, error=type(error).__name__)
        return f"{self.system} answered in a shape that cannot be understood ({about}: {type(error).__name__})."


def _must_have_names(records: Sequence[Record | Gone]) -> None:
    """Raises ValueError for an id that no database can hold, and that one of them would take for what is before it."""
    if any("\0" in one.ref.id for one in records):
        raise ValueError("an id with a NUL")
