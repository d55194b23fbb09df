"""Trouble on request: which answers a sandbox spoils, and how often. Data and the choice; `kit.stage` plays them.

What is not here: a vendor's own limits and errors; sandboxes answer those themselves.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

STATUS_FAULTS = {
    "429": 429,
    "429-retry-after": 429,
    "500": 500,
    "502": 502,
    "503": 503,
    "504": 504,
    "401": 401,
    "403": 403,
    "423": 423,
}
"""Faults that are an error answer; not carried out unless the rule says `apply`."""

KNOWN = (*STATUS_FAULTS, "reset", "lost", "slow", "truncate", "html", "timeout")
"""Every fault there is.

reset: the connection is reset before the request is carried out. lost: it is carried out, then the connection is
reset, or an error `status` answered. slow: it is carried out after `delay` seconds, even if the client has gone by
then. truncate: carried out, half of the body sent. html: a 502 page, not carried out. timeout: carried out only with
`apply`, and 504 is answered after `delay` seconds.
"""


@dataclass(slots=True, kw_only=True)
class Rule:
    """One kind of trouble: what, for which requests, how often. Counts how often it matched and was played."""

    fault: str
    methods: tuple[str, ...] = ()
    path: str | None = None
    rate: float | None = None
    times: int | None = None
    after: int = 0
    writes_only: bool = False
    delay: float | None = None
    retry_after: float | None = None
    status: int | None = None
    apply: bool = False
    matched: int = field(default=0, init=False)
    played: int = field(default=0, init=False)

    def fits(self, method: str, path: str, write: bool) -> bool:
        """Whether the rule speaks of this request at all."""
        if self.methods and method not in self.methods:
            return False
        if self.writes_only and not write:
            return False
        return self.path is None or re.search(self.path, path) is not None

    def strikes(self, dice: random.Random) -> bool:
        """Whether it strikes this time; counts the match."""
        self.matched += 1
        if self.matched <= self.after or (self.times is not None and self.played >= self.times):
            return False
        if self.rate is not None and dice.random() >= self.rate:
            return False
        self.played += 1
        return True


class Faults:
    """The rules in force; the first that strikes is played. Random choices come from a seed of their own."""

    def __init__(self, seed: int) -> None:
        """No trouble yet."""
        self._dice = random.Random(seed)
        self.rules: list[Rule] = []

    def replace(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Take these rules instead of the old ones; ValueError names what is wrong with one."""
        self.rules = [_rule(raw) for raw in rules]

    def pick(self, method: str, path: str, write: bool) -> Rule | None:
        """The rule that spoils this request, if any."""
        for rule in self.rules:
            if rule.fits(method, path, write) and rule.strikes(self._dice):
                return rule
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """The rules with their counts."""
        return [{one.name: getattr(rule, one.name) for one in fields(rule)} for rule in self.rules]


def _rule(raw: Mapping[str, Any]) -> Rule:
    known = {one.name for one in fields(Rule) if one.init}
    if unknown := sorted(set(raw) - known):
        raise ValueError(f"unknown keys {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    if str(raw.get("fault")) not in KNOWN:
        raise ValueError(f"unknown fault {raw.get('fault')!r}; known are {', '.join(KNOWN)}")
    methods = tuple(str(method).upper() for method in raw.get("methods") or ())
    rule = Rule(**{**raw, "fault": str(raw["fault"]), "methods": methods})
    if rule.path is not None:
        try:
            re.compile(rule.path)
        except re.error as error:
            raise ValueError(f"path {rule.path!r} is not a regular expression: {error}") from error
    return rule
