"""Logging: one JSON object or one console line per message, on stderr, with every secret taken out by construction.

What is not here: what is logged; code anywhere below calls `structlog.get_logger()`. Messages of libraries that use
the standard `logging` go the same way, so nothing reaches the stream around the redaction.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TextIO

import orjson
import stamina
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["auto", "json", "console"]

REDACTED = "[redacted]"
SECRET_KEY = re.compile(r"token|authorization|api_?key|password|passwd|secret|cookie|credential", re.IGNORECASE)
CREDENTIAL = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{4,}", re.IGNORECASE)
SHORTEST = 4
"""A known secret shorter than this is not searched for in texts: it would black out ordinary words."""
CHATTY = ("httpx", "httpcore", "hpack", "urllib3", "uvicorn.access", "alembic", "procrastinate")
# A tick that takes longer than its interval is no news; what fails in one is logged by the scheduler itself.
# What strangers send to an open port is `web`'s to tell, once a minute.
SILENT = ("apscheduler", "uvicorn.error")


def setup(
    secrets: Sequence[str] = (),
    *,
    format: Format = "auto",
    level: str = "info",
    stream: TextIO | None = None,
) -> None:
    """Send every log message to `stream` (stderr) from now on; `secrets` are values that must never appear.

    May be called again; the last call holds, but a secret that was told once stays one: whoever still has it may print
    it. `auto` is console if the stream is a terminal, else JSON.
    """
    out = stream or sys.stderr
    keep(secrets)
    console = format == "console" or (format == "auto" and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
    ]
    renderer = _console(out) if console else structlog.processors.JSONRenderer(serializer=_json)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redactor(_secrets), renderer]
    _take_over(structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=shared), out, level)
    stamina.instrumentation.set_on_retry_hooks([_tried_again])


def _tried_again(details: stamina.instrumentation.RetryDetails) -> None:
    """One request, in our words; what it comes to in the end is told by who asked."""
    error, seconds = str(details.caused_by), round(details.wait_for, 1)
    structlog.get_logger("syncd.kit").info("retry", error=error, attempt=details.retry_num, seconds=seconds)


class Secrets:
    """Values that must never appear; once told, for good: whoever still has one may print it."""

    def __init__(self, values: Sequence[str] = ()) -> None:
        """Take these."""
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(values)

    def add(self, values: Sequence[str]) -> None:
        """Take these, too."""
        self._values |= {value for value in values if len(value) >= SHORTEST}
        known = sorted(self._values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, known))) if known else None

    def without(self, text: str) -> str:
        """A text without them, and without `Bearer ...`."""
        return CREDENTIAL.sub(rf"\1 {REDACTED}", self._pattern.sub(REDACTED, text) if self._pattern else text)


_secrets = Secrets()


def keep(secrets: Sequence[str]) -> None:
    """From now on these must never appear, whoever logs."""
    _secrets.add(secrets)


def redactor(secrets: Secrets) -> Processor:
    """Make the step that takes secrets out: known values anywhere, `Bearer ...`, and all under a key named like one.

    What it returns is plain JSON: objects have become their text, so nothing can print itself later.
    """

    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {secrets.without(str(key)): _clean(key, value, secrets.without) for key, value in event.items()}

    return redact


def _clean(key: object, value: Any, text: Callable[[str], str]) -> Any:
    if isinstance(key, str) and SECRET_KEY.search(key) and not isinstance(value, bool | int | float | None):
        return REDACTED
    if isinstance(value, Mapping):
        return {text(str(name)): _clean(name, item, text) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(None, item, text) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return text(value if isinstance(value, str) else str(value))


def _json(event: EventDict, **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _console(stream: TextIO) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="at", pad_event_to=24)


def _take_over(formatter: logging.Formatter, stream: TextIO, level: str) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
