"""Every page and every deed of the console, in the order of the navigation. What is not here: what each does."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.console.ask import Deed, Page
from syncd.console.pages import home, people, programs, systems

PAGES: Sequence[Page] = (*home.PAGES, *systems.PAGES, *people.PAGES, *programs.PAGES)
DEEDS: Sequence[Deed] = (*people.DEEDS,)
