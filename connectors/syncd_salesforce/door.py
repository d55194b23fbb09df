"""Our way to one org: a session on every request, a new one when it ends, and a stop before the day's calls are gone.

Salesforce counts all calls of an org over the last 24 hours and tells the count with each answer. From a share that
the operator chose we ask no more, so that the org's other programs can go on.

What is not here: paths (`client`), how a session is come by (`tokens`).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from syncd.kit.http import Answer, Http
from syncd_salesforce.tokens import Session, Tokens
from syncd_salesforce.troubles import PROBE_SECONDS, CallsUsedUp, SessionEnded

_USAGE = re.compile(r"(?<![\w-])api-usage=(\d{1,15})/(\d{1,15})")


class Door:
    """Every request to one org goes through here. Thread-safe."""

    def __init__(self, http: Http, tokens: Tokens, opened: Callable[[str], Http], share: float, at: str) -> None:
        """`http` at the address `at`; `opened`: opens another; `share`: of the day's calls, 0 to 1."""
        self._http, self._tokens, self._opened, self._share = http, tokens, opened, share
        self._clock = http
        self._all = [http]
        self._lock = threading.Lock()
        self._at = at.rstrip("/")
        self._stop: tuple[float, str] = (0.0, "")
        self._mine = threading.local()
        self.usage: tuple[int, int] | None = None

    @property
    def session(self) -> Session | None:
        """The session in use; never asks."""
        return self._tokens.known

    def now(self) -> datetime:
        """Salesforce's clock."""
        return self._clock.now()

    def close(self) -> None:
        """Give sockets back."""
        for http in self._all:
            http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = True,
        text: bool = False,
    ) -> Answer:
        """As `Http.request`. A session that ended is renewed, and the very same request is sent once more."""
        if not getattr(self._mine, "finishing", False):
            self.ready()
        session = self._tokens.session()
        try:
            return self._sent(session, method, path, params, json, headers, idempotent, text)
        except SessionEnded:  # so it was not carried out, write or not
            session = self._tokens.renewed(session)
            return self._sent(session, method, path, params, json, headers, idempotent, text)

    def at_once(self, requests: int) -> AbstractContextManager[None]:
        """As `Http.at_once`."""
        return self._http.at_once(requests)

    def ready(self) -> None:
        """CallsUsedUp while no more of the day's calls are to be used."""
        until, words = self._stop
        if (left := until - time.monotonic()) > 0:
            raise CallsUsedUp(words, retry_after=left)

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """What was begun is brought to its end, whatever is left of the day's calls: a write, and the look after it."""
        before, self._mine.finishing = getattr(self._mine, "finishing", False), True
        try:
            yield
        finally:
            self._mine.finishing = before

    def _sent(
        self,
        session: Session,
        method: str,
        path: str,
        params: Any,
        json: Any,
        headers: Mapping[str, str] | None,
        idempotent: bool,
        text: bool,
    ) -> Answer:
        http = self._there(session)
        told = {**(headers or {}), "authorization": f"Bearer {session.token}"}
        try:
            answer = http.request(
                method, path, params=params, json=json, headers=told, idempotent=idempotent, text=text
            )
        except CallsUsedUp as error:
            self._stop = (time.monotonic() + PROBE_SECONDS, str(error))
            raise
        self._clock = http  # not before it has heard the vendor's time
        self._note(answer.headers)
        return answer

    def _there(self, session: Session) -> Http:
        """The address that the session is good at, which may move; a sandbox on this machine stays where it is."""
        where = session.instance_url
        if where is None or where == self._at or _is_plain(where):
            return self._http
        with self._lock:
            if where != self._at:
                self._http, self._at = self._opened(where), where
                self._all.append(self._http)
        return self._http

    def _note(self, headers: Mapping[str, str]) -> None:
        told = budget(headers)
        if told is None:
            return
        used, limit = told[1] - told[0], told[1]
        self.usage = (used, limit)
        if limit and used >= limit * self._share:
            words = f"{used:,} of the {limit:,} API calls of 24 hours are used; the setting `stop_at` keeps the rest."
            self._stop = (time.monotonic() + PROBE_SECONDS, f"Salesforce: {words}")


def budget(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """The org's calls of 24 hours: how many are left, below zero where more were let through, and of how many."""
    found = _USAGE.search(headers.get("sforce-limit-info") or "")
    return (int(found[2]) - int(found[1]), int(found[2])) if found is not None else None


def _is_plain(url: str) -> bool:
    return urlsplit(url).scheme != "https"
