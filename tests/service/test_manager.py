"""What the service manager hears, over a real socket of its kind. Not here: what the line says (`test_watch`)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from syncd.service.manager import Manager


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A manager's socket, and its address as NOTIFY_SOCKET says it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@syncd-test-{os.getpid()}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
        channel.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        channel.settimeout(10)
        yield channel, name


def lines(channel: socket.socket) -> list[str]:
    """One message."""
    return channel.recv(4096).decode().split("\n")


def left(channel: socket.socket) -> Iterator[list[str]]:
    """What still comes."""
    with suppress(TimeoutError):
        while True:
            yield lines(channel)


def test_it_hears_that_we_are_ready_and_how_it_goes(heard: tuple[socket.socket, str]) -> None:
    """READY comes first, then the line; without a watchdog no sign of life is sent."""
    channel, address = heard
    with Manager.of({"NOTIFY_SOCKET": address}).told(lambda: "3 due"):
        assert lines(channel) == ["READY=1"]
        assert lines(channel) == ["STATUS=3 due"]


def test_a_watchdog_hears_in_time(heard: tuple[socket.socket, str]) -> None:
    """Asked for a sign of life within 0.6 s, it gives one several times as often, until the block ends."""
    channel, address = heard
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "600000", "WATCHDOG_PID": str(os.getpid())}
    with Manager.of(environ).told(lambda: "all is well"):
        assert lines(channel) == ["READY=1"]
        began = time.monotonic()
        assert [lines(channel) for _ in range(4)] == [["STATUS=all is well", "WATCHDOG=1"]] * 4
        assert time.monotonic() - began < 3 * 0.6
    channel.settimeout(0.5)
    assert len(list(left(channel))) <= 2


def test_a_mistake_in_telling_ends_nothing(heard: tuple[socket.socket, str]) -> None:
    """The sign of life is given all the same, again and again."""
    channel, address = heard

    def broken() -> str:
        raise ValueError("a mistake")

    with Manager.of({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "300000"}).told(broken):
        assert [lines(channel) for _ in range(3)] == [["READY=1"], *[["STATUS=at work", "WATCHDOG=1"]] * 2]


def test_where_the_work_hangs_no_sign_of_life_is_given(heard: tuple[socket.socket, str]) -> None:
    """The line is asked for first: while that does not come, the watchdog hears nothing."""
    channel, address = heard

    def hangs() -> str:
        time.sleep(1.5)
        return "late"

    with Manager.of({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "300000"}).told(hangs):
        assert lines(channel) == ["READY=1"]
        channel.settimeout(0.8)
        with pytest.raises(TimeoutError):
            lines(channel)


def test_another_processes_watchdog_is_not_ours() -> None:
    """WATCHDOG_PID names who is meant."""
    environ = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "600000", "WATCHDOG_PID": "1"}
    assert Manager.of(environ) == Manager("/nowhere", None)


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_nobody_need_listen(environ: dict[str, str]) -> None:
    """Without a manager, or with one that is gone, all goes on."""
    with Manager.of(environ).told(lambda: "fine"):
        pass
