"""The page of the API: every address with what it takes. What is not here: the API itself (`syncd.console.api`)."""

from __future__ import annotations

from syncd.console.api import VERBS
from syncd.console.ask import Ask, Facts, Page
from syncd.console.desk import Desk


def show(desk: Desk, ask: Ask) -> Facts:
    """Every verb."""
    return {"verbs": VERBS, "home": desk.config.console.url or f"http://{desk.config.web.listen}"}


PAGES = (Page("/api", "api.html", "The API", show),)
