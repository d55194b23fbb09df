"""Answers to reads: the list parameters with their silences, the envelope, and how a record is shown.

What is not here: HTTP (`api`), and the search itself (`index`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from syncd_jobnimbus.sandbox.filters import EVERYTHING, BadFilter, Dialect, Query, compile_filter
from syncd_jobnimbus.sandbox.index import Window
from syncd_jobnimbus.sandbox.records import Records
from syncd_jobnimbus.sandbox.rules import Refusal, Row

PAGE = 1000
"""The default and the largest page."""

WINDOW = 10_000
"""`from` + `size` cannot go beyond this."""

ENVELOPE = {"contacts": "results", "jobs": "results", "activities": "activity", "files": "files"}
"""The key that holds the rows of a list."""


@dataclass(slots=True)
class Lists:
    """The lists of one account. `hidden`: ids that the access profile no longer sees."""

    records: Records
    hidden: set[str] = field(default_factory=set)
    read: bool = False

    def search(self, kind: str, params: Mapping[str, str]) -> dict[str, Any]:
        """The envelope for these query parameters; those that nobody knows are ignored. Refusal when it fails."""
        self.read = True
        records, settings = self.records, self.records.settings
        records.tick()
        self._configure()
        window = _window(params)
        query = self._query(kind, params.get("filter"))
        index = records.store.index.kinds[kind]
        if window.start + window.size > WINDOW:
            if settings["beyond_window"] == "error":
                raise Refusal(500, "Result window is too large, from + size must be less than or equal to: [10000]")
            return {"count": index.search(query, Window("jnid", False, 0, 0), records.chance)[0], ENVELOPE[kind]: []}
        count, rows = index.search(query, window, records.chance)
        return {"count": count, ENVELOPE[kind]: [self.show(kind, row, params.get("fields")) for row in rows]}

    def show(self, kind: str, row: Row, only: str | None = None) -> dict[str, Any]:
        """A record as it is answered: custom fields by key and label, blanks left out as the account does."""
        settings = self.records.settings
        shown = dict(row)
        omit, way = settings["empties"], settings["custom_fields_as"]
        for custom in self.records.account.custom.get(kind, ()):
            value = shown.pop(custom.key, None)
            if way == "none" or (value in (None, "") and omit != "null"):
                continue
            if way != "labels":
                shown[custom.key] = value
            if way != "cf":
                shown[custom.title] = value
        if omit == "omit":
            shown = {name: value for name, value in shown.items() if value is not None}
        if only:
            wanted = {name.strip() for name in only.split(",")}
            shown = {name: value for name, value in shown.items() if name in wanted}
        return shown

    def _configure(self) -> None:
        settings, hidden = self.records.settings, frozenset(self.hidden)
        inactive = settings["inactive_in_lists"] == "shown"
        archived = settings["archived_in_lists"] == "shown"

        def visible(row: Row) -> bool:
            return (
                (inactive or bool(row["is_active"]))
                and (archived or not row["is_archived"])
                and row["jnid"] not in hidden
            )

        rules = (inactive, archived, settings["term_case"], hidden)
        self.records.store.index.configure(rules, visible, settings["term_case"])

    def _query(self, kind: str, text: str | None) -> Query:
        settings, account = self.records.settings, self.records.account
        if not text or not settings["filter_works"]:
            return EVERYTHING
        dialect = Dialect(
            now=self.records.now(),
            case=settings["term_case"],
            should=settings["should_works"],
            key=lambda name: account.key(kind, name),
        )
        try:
            return compile_filter(orjson.loads(text), dialect)
        except (BadFilter, orjson.JSONDecodeError) as error:
            raise Refusal(settings["bad_filter_status"], f"Invalid filter: {error}") from error


def _window(params: Mapping[str, str]) -> Window:
    return Window(
        field=params.get("sort_field") or "date_created",
        descending=params.get("sort_direction", "desc").lower() != "asc",
        start=max(0, _number(params.get("from"), 0)),
        size=min(PAGE, max(0, _number(params.get("size"), PAGE))),
    )


def _number(text: str | None, otherwise: int) -> int:
    try:
        return int(text) if text is not None else otherwise
    except ValueError:
        return otherwise
