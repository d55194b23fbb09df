"""Logging: no secret gets out, whichever way it comes in. Not here: what the engine chooses to log."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import stamina
import structlog

from syncd.errors import Transient
from syncd.service import log
from tests.service.conftest import SECRET


class Shows:
    """An object that prints a secret when it is turned into text."""

    def __str__(self) -> str:
        """Give the secret away."""
        return f"client({SECRET})"


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """What was logged, decoded."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_message_is_one_json_object(stream: io.StringIO) -> None:
    """Event, level, time and the given names stand in one line."""
    structlog.get_logger().info("linked", left="hubspot:contacts:1", count=2)
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["left"], line["count"]) == ("linked", "info", "hubspot:contacts:1", 2)
    assert line["at"].endswith("Z")


@pytest.mark.parametrize(
    "given",
    [
        {"message": f"sent {SECRET} there"},
        {"deep": [{"more": (SECRET,)}]},
        {"object": Shows()},
        {SECRET: 1},
        {"header": "Authorization: Bearer abc.def-ghi"},
        {"api_key": "another"},
        {"headers": {"Authorization": "Whatever"}},
    ],
)
def test_no_secret_gets_out(stream: io.StringIO, given: dict[str, Any]) -> None:
    """Known values anywhere, bearer headers, and everything under a secret's name are taken out."""
    structlog.get_logger().warning("seen", **given)
    text = stream.getvalue()
    assert log.REDACTED in text
    assert not [word for word in (SECRET, "abc.def", "another", "Whatever") if word in text]


def test_a_traceback_is_redacted(stream: io.StringIO) -> None:
    """A secret inside an exception's text does not come out with its trace."""
    try:
        raise ValueError(SECRET)
    except ValueError:
        structlog.get_logger().exception("broke")
    assert SECRET not in stream.getvalue()
    assert "ValueError" in lines(stream)[0]["exception"]


def test_libraries_go_the_same_way(stream: io.StringIO) -> None:
    """A message of the standard logging is redacted and has the same form."""
    logging.getLogger("some.library").warning("key %s refused", SECRET)
    assert lines(stream)[0]["event"] == f"key {log.REDACTED} refused"
    assert SECRET not in stream.getvalue()


def test_a_counter_named_token_stays_a_number(stream: io.StringIO) -> None:
    """A number under a secret's name is shown: it is a count, not a key."""
    structlog.get_logger().info("budget", tokens=3)
    assert lines(stream)[0]["tokens"] == 3


def test_a_console_line_is_readable_and_redacted(stream: io.StringIO) -> None:
    """The console form has the same redaction, and no colors when it is not a terminal."""
    out = io.StringIO()
    log.setup([SECRET], format="console", stream=out)
    structlog.get_logger().info("linked", note=SECRET)
    assert "linked" in out.getvalue()
    assert SECRET not in out.getvalue()
    assert "\x1b" not in out.getvalue()
    assert not stream.getvalue()


def test_the_level_holds_for_libraries_too(stream: io.StringIO) -> None:
    """Below the level nothing is written, and chatty libraries are kept to warnings."""
    logging.getLogger("httpx").info("GET")
    structlog.get_logger().debug("shown")
    log.setup(level="error", format="json", stream=stream)
    structlog.get_logger().warning("hidden")
    assert [line["event"] for line in lines(stream)] == ["shown"]


def test_a_request_that_is_tried_again_is_told_in_our_words(stream: io.StringIO) -> None:
    """Why, and when: nothing of the library that does it, and no secret. A verb that somebody waits for keeps quiet."""
    _stumble()
    log.setup(level="warning", format="json", stream=stream)
    _stumble()
    (line,) = lines(stream)
    told = {key: value for key, value in line.items() if key != "at"}
    assert told == {"event": "retry", "level": "info", "error": f"down, {log.REDACTED}", "attempt": 1, "seconds": 0.0}


def _stumble() -> None:
    """Succeed the second time."""
    for attempt in stamina.retry_context(on=Transient, wait_initial=0, wait_jitter=0):
        with attempt:
            if attempt.num == 1:
                raise Transient(f"down, {SECRET}")
