"""Whose records a system's key opens: those of one account of its vendor, for as long as the store knows any of them.

Of another account all that is known would seem deleted, and an id may be another person's there. What is not here: who
may use the console (`store.access`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from syncd.errors import AuthError, Problem
from syncd.store.store import Store, Tx


def noted(tx: Tx, system: str) -> str | None:
    """The account that a system's records came from, as far as its vendor tells it."""
    account: str | None = tx.runs.fact(f"account:{system}")
    return account


@dataclass(frozen=True, slots=True)
class Connection:
    """Whose records a system's are, and since when it is looked at, on its own clock: None where that is not known."""

    account: str | None
    since: datetime | None


def connections(tx: Tx, systems: Iterable[str]) -> dict[str, Connection]:
    """By system."""
    names = list(systems)
    known = tx.runs.known([f"{what}:{name}" for name in names for what in ("account", "began")])
    began = {name: known.get(f"began:{name}") for name in names}
    return {
        name: Connection(known.get(f"account:{name}"), datetime.fromtimestamp(at, UTC) if at is not None else None)
        for name, at in began.items()
    }


def another(store: Store, system: str, account: str | None) -> Problem | None:
    """What is wrong if it is another account than the one that was read before. None: nothing is."""
    with store.read() as tx:
        known = noted(tx, system)
        fresh = not any(feed.system == system for feed in tx.feeds.all())
    if account is None or known in (None, account) or fresh:
        return None
    message = f"the key opens the account {account}, and what is known here came from the account {known}."
    remedy = f"Give a key of {known}. If {account} is meant, begin with an empty store, or call the system otherwise."
    return Problem(system, message, remedy)


def must_be_the_same(store: Store, system: str, account: str | None) -> None:
    """Raises AuthError for another account than before; the first one is noted."""
    problem = another(store, system, account)
    if problem is not None:
        raise AuthError(f"{problem.message} {problem.remedy}", system=system)
    with store.read() as tx:
        known = noted(tx, system)
    if account not in (None, known):
        with store.begin() as tx:
            tx.runs.set_fact(f"account:{system}", account)
