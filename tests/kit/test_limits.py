"""Buckets shared per credential."""

from __future__ import annotations

import threading
import time
from itertools import cycle

import pytest

from syncd.errors import ConfigError, Transient
from syncd.kit.limits import Limit, credential_key, parse_rates, shared_limit


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("80/min", ((80, 60.0),)),
        ("80/60", ((80, 60.0),)),
        ("100/10s", ((100, 10.0),)),
        ("10/s, 80/min", ((10, 1.0), (80, 60.0))),
    ],
)
def test_rates_are_read(text: str, rates: tuple[tuple[int, float], ...]) -> None:
    """A rate is written as people write it."""
    assert parse_rates(text, "rate") == rates


@pytest.mark.parametrize("text", ["", "80", "0/min", "80/week", "fast", "80/0", "-1/s"])
def test_what_is_no_rate_is_a_mistake_in_the_set_up(text: str) -> None:
    """Anything else names the mistake and the remedy."""
    with pytest.raises(ConfigError, match=r"systems\.crm\.rate: .* is not a rate"):
        parse_rates(text, "systems.crm.rate")


def test_no_window_holds_more_than_its_rate() -> None:
    """Four threads together stay below every rate."""
    limit, taken = Limit("t", ((5, 0.2), (12, 1.0))), []

    def work() -> None:
        for _ in range(4):
            with limit.slot(10):
                taken.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.sort()
    assert len(taken) == 16
    assert all(later - first > 0.18 for first, later in zip(taken, taken[5:], strict=False))
    assert all(later - first > 0.95 for first, later in zip(taken, taken[12:], strict=False))


def test_who_wakes_up_late_counts_from_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is too busy to come back in time spends no more in a window for it."""
    limit, taken, late = Limit("t", ((3, 0.4),)), [], cycle((0.2, 0.0, 0.0))
    slept = time.sleep

    def oversleep(seconds: float) -> None:
        slept(seconds + next(late))

    monkeypatch.setattr("time.sleep", oversleep)
    monkeypatch.setattr("pyrate_limiter.limiter.sleep", oversleep)
    for _ in range(12):
        with limit.slot(10):
            taken.append(time.monotonic())
    assert all(later - first > 0.4 for first, later in zip(taken, taken[3:], strict=False))


def test_requests_in_flight_are_bounded() -> None:
    """With two places a third request waits for one of them, and gives up as Transient."""
    limit = Limit("t", (), in_flight=1)
    with limit.slot(1), pytest.raises(Transient), limit.slot(0):
        pytest.fail("there was no place left")
    with limit.slot(0):
        pass


def test_a_halved_limit_takes_twice_as_long_and_recovers() -> None:
    """Half the pace after a 429, the full one again when no other came."""
    limit = Limit("t", ((4, 0.4),), recovery=0.5)
    limit.halve()
    assert limit.pace == 0.5
    began = time.monotonic()
    for _ in range(4):
        with limit.slot(5):
            pass
    assert time.monotonic() - began > 0.35
    time.sleep(max(0.0, began + 0.55 - time.monotonic()))
    assert limit.pace == 1.0


def test_a_long_pause_is_not_slept_through() -> None:
    """Who would wait longer than their patience learns at once for how long."""
    limit = Limit("t", ((10, 1.0),))
    limit.pause(500)
    with pytest.raises(Transient) as caught, limit.slot(1):
        pytest.fail("it was paused")
    assert 498 < (caught.value.retry_after or 0) <= 500


def test_one_credential_has_one_limit() -> None:
    """Two askers with one credential share; another credential, address or rate does not. No key shows a secret."""
    key = credential_key("crm", "https://a.example", "secret-1")
    assert shared_limit(key, ((7, 1),)) is shared_limit(key, ((7, 1.0),))
    assert shared_limit(key, ((7, 1),)) is not shared_limit(key, ((8, 1),))
    assert credential_key("crm", "https://a.example", "secret-2") != key
    assert credential_key("crm", "https://b.example", "secret-1") != key
    assert "secret" not in key


def test_turns_taken_in_advance_are_not_waited_for() -> None:
    """A look and the write upon it go out together, however scarce turns are; the next request waits again."""
    limit = Limit("t", ((2, 0.4),))
    with limit.turns(2, 5):
        began = time.monotonic()
        for _ in range(2):
            with limit.slot(5):
                assert limit.in_turns
        assert time.monotonic() - began < 0.1
    assert not limit.in_turns
    with limit.slot(5):
        assert time.monotonic() - began >= 0.25


def test_turns_belong_to_the_thread_that_took_them() -> None:
    """Another thread's request waits for a turn of its own."""
    limit = Limit("t", ((2, 0.4),))
    waited: list[float] = []

    def other() -> None:
        began = time.monotonic()
        with limit.slot(5):
            waited.append(time.monotonic() - began)

    with limit.turns(2, 5):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=5)
    assert waited and waited[0] >= 0.25


def test_a_write_upon_a_look_waits_for_no_pause() -> None:
    """The vendor told somebody to wait since the look: the write is not sent later, it is for another time."""
    limit = Limit("t", ((9, 1),))
    with limit.turns(3, 5):
        with limit.slot(5):
            now = time.monotonic()
            limit.answered(now, now)
        limit.pause(0.2)
        began = time.monotonic()
        with pytest.raises(Transient, match="asked us to wait"), limit.slot(5, write=True):
            pytest.fail("it was let through")
        assert time.monotonic() - began < 0.1
        with limit.slot(5):  # another look may wait
            assert time.monotonic() - began >= 0.15


def test_a_write_upon_an_old_look_is_not_let_through() -> None:
    """Seconds went by between two looks, not on the wire: what the first one saw may have moved."""
    limit = Limit("t", ((9, 1),))
    now = time.monotonic()
    with limit.turns(3, 5):
        with limit.slot(5):
            limit.answered(now - 9, now - 8)  # long, but that was the vendor's time
        with limit.slot(5):
            limit.answered(now - 8, now - 0.1)
        with limit.slot(5, write=True):
            limit.answered(now - 0.1, now)
    with limit.turns(3, 5):
        with limit.slot(5):
            limit.answered(now - 1, now - 1)
        with limit.slot(5):
            limit.answered(now, now)
        with pytest.raises(Transient, match="too much time has passed"), limit.slot(5, write=True):
            pytest.fail("it was let through")


def test_a_write_upon_a_look_has_its_place() -> None:
    """Somebody else asks for the one place in between: it was taken before the look, and is free after the write."""
    limit, order = Limit("t", ((9, 1),), in_flight=1), []

    def other() -> None:
        with limit.slot(5):
            order.append("other")

    thread = threading.Thread(target=other)
    with limit.turns(2, 5):
        with limit.slot(5):
            limit.answered(time.monotonic(), time.monotonic())
        thread.start()
        time.sleep(0.05)
        with limit.slot(5, write=True):
            order.append("write")
    thread.join(timeout=5)
    assert order == ["write", "other"]
