"""Pages of a query, and the locators under which the rest of them is fetched.

What is not here: the query itself (`query`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from syncd_salesforce.sandbox.errors import refuse
from syncd_salesforce.sandbox.query import Run, Shape
from syncd_salesforce.sandbox.store import Row

_LARGEST = 2000
_SMALLEST = 200


@dataclass(slots=True)
class Cursor:
    """A result: the rows as they were found, what shapes them, and when it is forgotten."""

    run: Run
    rows: list[Row]
    shape: Shape
    ends: float


class Cursors:
    """Every result that has more pages."""

    def __init__(self) -> None:
        """None yet."""
        self.open: dict[str, Cursor] = {}

    def first(self, run: Run, batch: int | None) -> dict[str, Any]:
        """The first page of a query."""
        org = run.org
        if run.select.count:
            return {"totalSize": len(run.rows()), "done": True, "records": []}
        shape = run.shape()
        ends = org.clock.seconds() + float(org.settings["locator_seconds"])
        cursor = Cursor(run, run.rows(), shape, ends)
        return self._page(cursor, None, 0, batch)

    def next(self, org_now: float, text: str, batch: int | None) -> dict[str, Any]:
        """The page that a nextRecordsUrl names; INVALID_QUERY_LOCATOR where it is forgotten."""
        locator, _, start = text.partition("-")
        cursor = self.open.get(locator)
        if cursor is None or org_now >= cursor.ends or not start.isdigit() or int(start) > len(cursor.rows):
            raise refuse("INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(cursor, locator, int(start), batch)

    def _page(self, cursor: Cursor, locator: str | None, start: int, batch: int | None) -> dict[str, Any]:
        run = cursor.run
        size = min(_LARGEST, max(_SMALLEST, batch or _LARGEST))
        size = min(size, int(run.org.settings["page_cut"] or size))
        rows, end = cursor.rows[start : start + size], start + size
        if start and run.org.settings["later_pages"] == "fetched":
            name = run.thing.name
            rows = [found for row in rows if (found := run.org.store.get(name, row["Id"])) is not None]
        done = end >= len(cursor.rows)
        page: dict[str, Any] = {"totalSize": len(cursor.rows), "done": done}
        if not done:
            if locator is None:
                locator = run.org.mint.new("0r8")
                self.open[locator] = cursor
            page["nextRecordsUrl"] = f"/services/data/v{run.version}/query/{locator}-{end}"
        return {**page, "records": [cursor.shape(row) for row in rows]}
