"""The door: sessions, the day's calls, API versions, and how long an address may be.

What is not here: how a session is come by (`oauth`), and faults played on request (the kit's).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncd_salesforce.sandbox.errors import Refusal, refuse
from syncd_salesforce.sandbox.org import Org

SANDBOX_TOKEN = "00DSb0sandbox!token"  # noqa: S105 -- opens nothing but this fake
_DAY_MINUTES = 1440


@dataclass(slots=True)
class Session:
    """An access token: whose it is, and when it ends (clock seconds; None: never)."""

    user: str
    ends: float | None = None


class Gate:
    """Sessions, refresh tokens and the count of calls of one org."""

    def __init__(self, org: Org) -> None:
        """Begin with one session of the integration user that does not end by itself."""
        self._org = org
        self.sessions: dict[str, Session] = {SANDBOX_TOKEN: Session(org.integration["Id"])}
        self.refresh: list[str] = list(org.settings["refresh_tokens"])
        self._minutes: dict[int, int] = {}

    def open(self, user: str) -> str:
        """A new session."""
        token = f"{self._org.id[:15]}!{secrets.token_urlsafe(48)}"
        self.sessions[token] = Session(user, self._life())
        return token

    def kill(self, token: str | None = None) -> int:
        """End one session, or all; how many there were."""
        dead = [token] if token in self.sessions else list(self.sessions) if token is None else []
        for each in dead:
            del self.sessions[each]
        return len(dead)

    def session(self, header: str | None) -> Session:
        """The session of an Authorization header, which lives on from now; 401 where there is none."""
        kind, _, token = (header or "").partition(" ")
        found = self.sessions.get(token) if kind.lower() in ("bearer", "oauth") else None
        if found is not None and found.ends is not None:
            if self._org.clock.seconds() >= found.ends:
                found = None
            else:
                found.ends = self._life()
        if found is None or not self._org.store.rows["User"][found.user]["IsActive"]:
            raise refuse("INVALID_SESSION_ID", "Session expired or invalid")
        return found

    def facts(self, token: str) -> dict[str, Any]:
        """What introspection tells of a session."""
        found = self.sessions.get(token)
        now = self._org.clock.seconds()
        if found is None or (found.ends is not None and now >= found.ends):
            return {"active": False}
        user = self._org.store.rows["User"][found.user]
        ends = {} if found.ends is None else {"exp": int(found.ends)}
        return {"active": True, "scope": "api", "username": user["Username"], "token_type": "access_token", **ends}

    def count(self) -> None:
        """Count a call; 403 when the day's are used up."""
        settings = self._org.settings
        if settings["api_disabled"]:
            words = "The REST API is not enabled for this Organization, or for this user."
            raise refuse(str(settings["api_disabled"]), words, status=403)
        if settings["concurrent_refused"]:
            sentence = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
            raise refuse("REQUEST_LIMIT_EXCEEDED", sentence, status=403)
        if self.used() >= int(settings["daily"]):
            raise refuse("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
        minute = int(self._org.clock.seconds() // 60)
        self._minutes[minute] = self._minutes.get(minute, 0) + 1

    def used(self) -> int:
        """Calls of the last 24 hours."""
        oldest = int(self._org.clock.seconds() // 60) - _DAY_MINUTES
        self._minutes = {minute: count for minute, count in self._minutes.items() if minute > oldest}
        return sum(self._minutes.values())

    def told(self) -> dict[str, str]:
        """The header that every answer has."""
        return {"Sforce-Limit-Info": f"api-usage={self.used()}/{int(self._org.settings['daily'])}"}

    def version(self, text: str) -> str:
        """A version of a path, `66.0`; 410 for a retired one, 404 for one that is not there."""
        settings = self._org.settings
        number, _, rest = text.removeprefix("v").partition(".")
        if not text.startswith("v") or not number.isdigit() or rest != "0":
            raise refuse("NOT_FOUND", "The requested resource does not exist")
        if int(number) < int(settings["oldest_version"]):
            sentence = f"API version {number}.0 is no longer supported"
            raise refuse("UNSUPPORTED_API_VERSION", sentence, status=410)
        if int(number) > int(settings["newest_version"]):
            raise refuse("NOT_FOUND", "The requested resource does not exist")
        return f"{number}.0"

    def fits(self, target: str, headers: Mapping[str, str]) -> None:
        """414 for an address that is too long, 431 for one that is with its headers."""
        limit = int(self._org.settings["uri_bytes"])
        if len(target) > limit:
            raise too_long(414, "URI_TOO_LONG", "The requested URI is too long")
        if len(target) + sum(len(name) + len(value) + 4 for name, value in headers.items()) > limit:
            raise too_long(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "Request header fields too large")

    def _life(self) -> float:
        return self._org.clock.seconds() + float(self._org.settings["session_seconds"])


def too_long(status: int, code: str, message: str) -> Refusal:
    """A request whose head is too big."""
    return refuse(code, message, status=status)
