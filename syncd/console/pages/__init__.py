"""Every page and every deed of the console, in the order of the navigation. What is not here: what each does."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.console.ask import Deed, Page
from syncd.console.pages import (
    conflicts,
    connect,
    fields,
    files,
    handoffs,
    held,
    history,
    home,
    mapedit,
    mapoffers,
    maps,
    parked,
    people,
    planned,
    programs,
    record,
    records,
    review,
    runs,
    systems,
)

PAGES: Sequence[Page] = (
    *home.PAGES,
    *handoffs.PAGES,
    *conflicts.PAGES,
    *connect.PAGES,
    *review.PAGES,
    *records.PAGES,
    *record.PAGES,
    *history.PAGES,
    *parked.PAGES,
    *fields.PAGES,
    *files.PAGES,
    *held.PAGES,
    *planned.PAGES,
    *runs.PAGES,
    *maps.PAGES,
    *mapedit.PAGES,
    *mapoffers.PAGES,
    *systems.PAGES,
    *people.PAGES,
    *programs.PAGES,
)
DEEDS: Sequence[Deed] = (
    *conflicts.DEEDS,
    *connect.DEEDS,
    *review.DEEDS,
    *records.DEEDS,
    *parked.DEEDS,
    *held.DEEDS,
    *runs.DEEDS,
    *maps.DEEDS,
    *mapedit.DEEDS,
    *systems.DEEDS,
    *people.DEEDS,
)
