"""The door: which token may do what, how often, and the rate-limit headers of every answer.

What is not here: faults played on request (the kit's). Rates run on real time, so they never stall on a frozen clock;
days run on the sandbox's clock in the portal's zone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from syncd_hubspot.sandbox.errors import ApiError, missing_scopes, refuse, unauthorized
from syncd_hubspot.sandbox.records import Who
from syncd_hubspot.sandbox.standard import DEFAULT_APP_ID
from syncd_hubspot.sandbox.switches import rate

SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 -- opens nothing but this fake
_LOCK_SECONDS = 2.0


@dataclass(slots=True)
class Window:
    """A rolling window of requests."""

    times: deque[float] = field(default_factory=deque)

    def used(self, now: float, seconds: float) -> int:
        """Requests in the last `seconds`."""
        while self.times and self.times[0] <= now - seconds:
            self.times.popleft()
        return len(self.times)


@dataclass(slots=True)
class Token:
    """A credential: the app it stands for, what it may do (None: everything), when it ends (epoch seconds)."""

    app_id: str = DEFAULT_APP_ID
    scopes: frozenset[str] | None = None
    ends: float | None = None
    window: Window = field(default_factory=Window)
    writes: Window = field(default_factory=Window)
    locked_until: float = 0.0

    def who(self, settings: Mapping[str, Any]) -> Who:
        """What history calls this hand."""
        way = settings["history_source_id"]
        source = {"app": self.app_id, "none": None}.get(str(way), str(way))
        return Who(str(settings["history_source"]), source, "api", f"app:{self.app_id}")


class Gate:
    """Tokens, rates and the day's count of one account."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Begin with the one token that may do everything."""
        self._settings = settings
        self.tokens: dict[str, Token] = {SANDBOX_TOKEN: Token()}
        self._search = Window()
        self._day = ""
        self.today = 0

    def token(self, header: str | None, now: datetime) -> Token:
        """The token of an Authorization header; 401 when it is unknown or has ended."""
        kind, _, secret = (header or "").partition(" ")
        found = self.tokens.get(secret) if kind.lower() == "bearer" else None
        if found is None:
            raise unauthorized(expired=False)
        if found.ends is not None and now.timestamp() >= found.ends:
            raise unauthorized(expired=True)
        return found

    def allow(self, token: Token, scopes: Sequence[str], any_of: Sequence[str] = ()) -> None:
        """403 naming what is missing, unless the token has all of `scopes` and one of `any_of`."""
        if token.scopes is None:
            return
        missing = [scope for scope in scopes if scope not in token.scopes]
        if missing:
            raise missing_scopes(missing)
        if any_of and not token.scopes & set(any_of):
            raise missing_scopes(any_of)

    def count(self, token: Token, now: datetime, *, search: bool, write: bool) -> dict[str, str]:
        """Count a request and give its rate-limit headers (none for searches); 429, 423 or 477 to refuse it."""
        if self._settings["migrating"] is not None:
            wait = {"Retry-After": str(int(self._settings["migrating"]))}
            raise ApiError(
                477, {"status": "error", "message": "Account is being migrated", "category": "MIGRATION"}, wait
            )
        tick = time.monotonic()
        if write:
            self._burst(token, tick)
        limit = rate(self._settings["rate"])
        if limit is None:
            return {}
        self._daily(now, counted=not search or bool(self._settings["search_counts_daily"]))
        if search:
            self._search_rate(tick)
            return {}
        count, seconds = limit
        used = token.window.used(tick, seconds)
        if used >= count:
            left = token.window.times[0] + seconds - tick
            raise self._too_many("ten_secondly_rolling", "TEN_SECONDLY_ROLLING", left, self._headers(limit, 0))
        token.window.times.append(tick)
        return self._headers(limit, count - used - 1)

    def _search_rate(self, tick: float) -> None:
        limit = rate(self._settings["search_rate"])
        if limit is None:
            return
        count, seconds = limit[0] - int(self._settings["other_apps_search"]), limit[1]
        if self._search.used(tick, seconds) >= max(count, 0):
            wait = self._search.times[0] + seconds - tick if self._search.times else seconds
            raise self._too_many("secondly", str(self._settings["search_policy"]), wait, {})
        self._search.times.append(tick)

    def _daily(self, now: datetime, *, counted: bool) -> None:
        day = f"{now.astimezone(ZoneInfo(str(self._settings['timezone']))):%Y-%m-%d}"
        if day != self._day:
            self._day, self.today = day, 0
        if self.today >= int(self._settings["daily"]):
            raise self._too_many("daily", "DAILY", None, {})
        self.today += counted

    def _burst(self, token: Token, tick: float) -> None:
        burst = self._settings["write_burst"]
        if burst is None:
            return
        if token.writes.used(tick, float(burst["seconds"])) >= int(burst["writes"]) and tick >= token.locked_until:
            token.locked_until = tick + _LOCK_SECONDS
        if tick < token.locked_until:
            raise refuse(423, "LOCKED", "Too many writes at once; the resource is locked for 2 seconds")
        token.writes.times.append(tick)

    def _too_many(self, words: str, policy: str, wait: float | None, headers: Mapping[str, str]) -> ApiError:
        body = {
            "status": "error",
            "message": f"You have reached your {words} limit.",
            "errorType": "RATE_LIMIT",
            "policyName": policy,
            "groupName": f"publicapi:private-apps-api-calls:{DEFAULT_APP_ID}",
        }
        retry = {"Retry-After": str(max(1, round(wait)))} if self._settings["retry_after"] and wait is not None else {}
        return ApiError(429, body, {**headers, **retry})

    def _headers(self, limit: tuple[int, float], left: int) -> dict[str, str]:
        daily = int(self._settings["daily"])
        day = {
            "X-HubSpot-RateLimit-Daily": str(daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, daily - self.today)),
        }
        return ({} if self._settings["rate"] == "oauth" else day) | {  # OAuth apps are not told of the day
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(limit[1] * 1000)),
            "X-HubSpot-RateLimit-Max": str(limit[0]),
            "X-HubSpot-RateLimit-Remaining": str(left),
        }
