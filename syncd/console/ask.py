"""What a page is asked and what it answers, free of HTTP: who asks, for what, and what came of it.

What is not here: HTTP (`site`), who may come in (`doors`), and any page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from syncd.console.desk import Desk
from syncd.errors import ConfigError, Problem

Facts = Mapping[str, Any]
"""What a template shows."""


class Role(IntEnum):
    """What somebody may do; each may what the ones before may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    def __str__(self) -> str:
        """As it is stored and written."""
        return self.name.lower()

    @classmethod
    def of(cls, name: str) -> Role:
        """The role of this name. Raises ConfigError naming the known ones."""
        if name.upper() not in cls.__members__:
            known = ", ".join(str(one) for one in cls)
            raise ConfigError(Problem(f"role {name}", "there is no such role.", f"Known: {known}."))
        return cls[name.upper()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks. `visit`: the digest of the sign-in, or of the program's token; `csrf`: what its forms carry."""

    name: str
    role: Role
    visit: bytes = b""
    csrf: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question. `path`: the names in the address; `query`: behind it; `form`: what was sent (last value wins)."""

    visitor: Visitor
    now: datetime
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    """The values named `id` in the form: what was ticked."""

    def need(self, name: str) -> str:
        """A field of the form. Raises ConfigError if it is empty or missing."""
        value = self.form.get(name, "").strip()
        if not value:
            raise ConfigError(Problem(name, "is empty.", "Fill it in."))
        return value

    def number(self, name: str) -> int | None:
        """A whole number behind the address; None if there is none."""
        value = self.query.get(name, "")
        return int(value) if value.isdecimal() and len(value) < 19 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a deed came to. `text`: a sentence for who did it; `subject`, `detail`: for the list of deeds.

    `undo`: the deed that takes it back, as path and form. `to`: where to go now. `secret`: shown this once.
    """

    text: str
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    undo: tuple[str, Mapping[str, str]] | None = None
    to: str | None = None
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `nav`: its word in the navigation, "" if it is reached from another; `needs`: a daemon that works.

    `takes`: it is asked for by a form, whose text it shows anew and keeps nowhere; nothing is done by it.
    """

    path: str
    template: str
    title: str
    show: Callable[[Desk, Ask], Facts]
    nav: str = ""
    role: Role = Role.VIEWER
    needs: bool = False
    takes: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """One deed, a POST. `name`: in the list of deeds; `needs`: a daemon that works."""

    path: str
    name: str
    do: Callable[[Desk, Ask], Done]
    role: Role = Role.OPERATOR
    needs: bool = False


class NotFound(Exception):
    """There is no such thing; the sentence says what was looked for."""
