"""How a message travels: by Apprise, which knows some hundred services. Loaded only where alerts are set up.

What is not here: what is told, and when (`alerting`).
"""

from __future__ import annotations

import importlib
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from syncd.errors import ConfigError, Problem

log = structlog.stdlib.get_logger("syncd.alerts")

# It tells addresses with their passwords in its debug lines; what became of a message is told by `alerting`.
logging.getLogger("apprise").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Couriers:
    """Everybody who is told."""

    servers: Sequence[Any]

    @classmethod
    def of(cls, addresses: Sequence[str]) -> Couriers:
        """Who stands at these addresses. Raises ConfigError that names none of them: they hold passwords."""
        try:
            apprise: Any = importlib.import_module("apprise")
        except ImportError:
            problem = Problem("[alerts] to", "needs a package that is not here: apprise.", "Install syncd[alerts].")
            raise ConfigError(problem) from None
        made = [apprise.Apprise.instantiate(address) for address in addresses]
        wrong = [
            Problem(f"[alerts] to, number {number}", "is no address that Apprise knows.", "See its list of services.")
            for number, one in enumerate(made, start=1)
            if one is None
        ]
        if wrong:
            raise ConfigError(wrong)
        return cls(made)

    def send(self, title: str, text: str) -> bool:
        """Send it to everybody; whether anybody has it."""
        return sum(self._one(server, title, text) for server in self.servers) > 0

    def tested(self) -> list[dict[str, Any]]:
        """Send a test to one after the other: who it is, without secrets, and whether they have it."""
        title = f"syncd on {socket.gethostname()}: a test"
        text = "Whoever reads this is told when syncd needs somebody."
        return [{"to": _who(one), "sent": self._one(one, title, text)} for one in self.servers]

    def _one(self, server: Any, title: str, text: str) -> bool:
        try:
            return bool(server.notify(title=title, body=text))
        except Exception:
            # Whatever a service's plug-in trips over: it is not told, and the others are.
            log.exception("courier failed")
            return False


def _who(server: Any) -> str:
    """An address as people may see it."""
    return str(server.url(privacy=True)).partition("?")[0]
