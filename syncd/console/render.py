"""Templates into HTML, everything escaped. What is not here: what they show (`pages`), and sending it (`site`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from syncd import VERSION
from syncd.console import words
from syncd.console.ask import Role
from syncd.core.plural import counted

HERE = Path(__file__).parent


def environment(vendors: Mapping[str, str]) -> Environment:
    """What all templates share. `vendors`: by the systems' names in the set-up."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    found.filters.update(
        when=words.when, shown=words.shown, visible=words.visible, plain=words.plain,
        title_of=partial(words.system_name, vendors), cause=words.cause, lasting=words.lasting,
        sized=words.sized,
        path=lambda text: quote(str(text), safe=""), number=lambda value: f"{value:,}",
    )  # fmt: skip
    found.globals.update(counted=counted, link=link, Role=Role, version=VERSION, since=since)
    return found


def link(path: str, **query: Any) -> str:
    """An address with what is behind it, without what is empty."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def since(value: datetime | str | None, now: datetime) -> str:
    """How long it has been so."""
    at = words.moment(value)
    return words.lasting(max(0.0, (now - at.astimezone(UTC)).total_seconds())) if at is not None else ""
