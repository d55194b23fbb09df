"""What is read out of answers that are not 2xx, and the vendor's clock."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from syncd.kit.answers import decoded, retry_after, sentence
from syncd.kit.vendorclock import VendorClock, parse_http_date


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, or a date against the vendor's own date; nonsense is no wish."""
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "a  b\nc"}, "a b c"),
        ({"status": 401, "body": "Authentication required"}, "Authentication required"),
        ({"error": {"deep": 1}}, ""),
        ("Duplicate job exists", "Duplicate job exists"),
        (["x"], ""),
        (None, ""),
        ("x" * 900, "x" * 497 + "..."),
    ],
)
def test_the_vendors_sentence_is_found(body: object, words: str) -> None:
    """In one line, under the usual keys or as plain text, never too long."""
    assert sentence(body) == words


def test_a_body_is_json_text_or_the_title_of_a_page() -> None:
    """Whatever comes, something short and readable is made of it."""
    assert decoded('{"a": 1}') == {"a": 1}
    assert decoded("plain") == "plain"
    assert decoded("  ") is None
    assert decoded("<!DOCTYPE html><title>Just a\nmoment</title>") == "an HTML page titled 'Just a moment'"
    assert decoded("<html><body>hm</body></html>") == "an HTML page"


def test_the_clock_narrows_down_and_is_never_ahead() -> None:
    """From dates with whole seconds it comes closer than a second, and stays behind the truth."""
    clock, offset, start = VendorClock(), 1_790_000_000.0, time.monotonic()
    for step in range(40):
        sent = start + step * 1.13
        truth = offset + (sent - start) + 0.02
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(int(truth)))
        clock.learn(date, sent, sent + 0.04)
        behind = offset + (sent + 0.04 - start) - clock.at(sent + 0.04).timestamp()
        assert -0.001 <= behind < 1.1
    assert behind < 0.15


def test_a_clock_that_was_set_is_followed() -> None:
    """An answer that contradicts what was learned replaces it, in either direction."""
    clock, now = VendorClock(), time.monotonic()
    for date in ("Sat, 21 Nov 2026 10:00:00 GMT", "Sat, 21 Nov 2026 15:00:00 GMT", "Sat, 21 Nov 2026 09:00:00 GMT"):
        clock.learn(date, now, now)
        assert abs(clock.at(now) - parse_http_date(date)) < timedelta(seconds=1)


def test_a_nonsense_date_is_ignored() -> None:
    """A proxy's rubbish does not move the clock."""
    clock, now = VendorClock(), time.monotonic()
    before = clock.at(now)
    clock.learn("yesterday", now, now)
    clock.learn(None, now, now)
    assert clock.at(now) == before
