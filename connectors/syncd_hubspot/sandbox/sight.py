"""What a token sees of an account that was narrowed: records hidden from it, lists and searches without an answer.

What is not here: scopes, which refuse a whole type (`gate`), and custom properties that are told no more (`schema`).
"""

from __future__ import annotations

from collections.abc import Iterable

from syncd_hubspot.sandbox.errors import not_found, refuse
from syncd_hubspot.sandbox.portal import Portal
from syncd_hubspot.sandbox.records import Row
from syncd_hubspot.sandbox.tables import Table


def seen(portal: Portal, row: Row | None) -> Row | None:
    """The row, if it is not hidden."""
    return None if row is None or row.id in portal.hidden else row


def all_seen(portal: Portal, rows: Iterable[Row]) -> list[Row]:
    """Those that are not hidden."""
    return [row for row in rows if row.id not in portal.hidden]


def unanswered(portal: Portal, what: str) -> bool:
    """Whether `lists` or `searches` answer with nothing."""
    return what in portal.settings["empty"]


def refuse_hidden(portal: Portal, row: Row | None) -> None:
    """403 or 404 for a hidden row, by switch."""
    if row is not None and row.id in portal.hidden:
        if portal.settings["hidden_read"] == 403:
            raise refuse(403, "FORBIDDEN", "You do not have permissions to view this object.")
        raise not_found()


def hide(portal: Portal, table: Table, ids: Iterable[int], share: float) -> list[int]:
    """Hide these, or of every living row of the table so great a share, spread evenly; which ones."""
    every = list(table.live)
    chosen = list(ids) or [one for at, one in enumerate(every) if int((at + 1) * share) > int(at * share)]
    portal.hidden.update(chosen)
    return chosen
