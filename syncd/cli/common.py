"""What commands share: the options that mean the same everywhere, and opening the app.

What is not here: showing things (`render`).
"""

from __future__ import annotations

import ctypes
import gc
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from syncd.cli.render import Format
from syncd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from syncd.app import App
    from syncd.lab.crm import Crm

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="The set-up; else $SYNCD_CONFIG, else ./config.toml."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="table for people, json for programs.")]
CrmOption = Annotated[str, typer.Option("--crm", help="The CRM on the left side: hubspot or salesforce.")]
PairArgument = Annotated[str | None, typer.Argument(metavar="[PAIR]", help="One pair; all of them if left out.")]

NEEDS_A_PERSON = 1


@dataclass(frozen=True, slots=True)
class Globals:
    """The options given before the command."""

    config: Path | None = None


def given(context: typer.Context, config: Path | None) -> Path | None:
    """The config file that was asked for: after the verb, or before it."""
    return config or (context.obj.config if isinstance(context.obj, Globals) else None)


def opened(context: typer.Context, config: Path | None) -> App:
    """The app of the config file that was asked for; whoever asks closes it.

    A verb that somebody waits for shows its answer, and logs only warnings.
    """
    from syncd.service import log

    app = read(context, config)
    wished = app.config.log
    log.setup(format=wished.format, level="warning" if wished.level == "info" else wished.level)
    return app


def read(context: typer.Context, config: Path | None) -> App:
    """The same with the log as it is."""
    from syncd.app import App

    made_for_records()
    return App.read(given(context, config), environ=os.environ)


def home_of(app: App) -> str:
    """Where people open the console."""
    return app.config.console.url or f"http://{app.config.web.listen}"


def made_for_records() -> None:
    """Records come by the thousand, in several threads, and go by themselves: let the runtime look for no more."""
    gc.set_threshold(50_000, 20, 20)  # looking for cycles among them took an eighth of the time
    with suppress(OSError, AttributeError):  # a heap for each thread kept ten megabytes of what once was; glibc only
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


_M_ARENA_MAX = -8
"""From glibc's malloc.h."""


def crm_of(name: str) -> Crm:
    """The CRM of that name. ConfigError for one that the lab does not have."""
    from syncd.lab.crm import CRMS

    if name not in CRMS:
        raise ConfigError(Problem(f"--crm {name}", "is no CRM that can be played.", f"Write one of {', '.join(CRMS)}."))
    return CRMS[name]


def leave(*, needs_a_person: bool) -> NoReturn:
    """End the command: exit code 1 if something waits for a person, else 0."""
    raise typer.Exit(NEEDS_A_PERSON if needs_a_person else 0)
