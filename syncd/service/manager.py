"""What the service manager is told: that we are ready, how it goes, and that we live. See sd_notify(3).

Nothing is sent where no manager asks for it (NOTIFY_SOCKET is not set). What is not here: the unit file (`unit`).
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

log = structlog.stdlib.get_logger("syncd.manager")

OFTEN = 10.0
"""Seconds between two lines of status where no watchdog asks for more."""


@dataclass(frozen=True, slots=True)
class Manager:
    """systemd, or whoever speaks its protocol. `address`: its socket; None: nobody listens.

    `within`: seconds in which it wants a sign of life; None: it wants none.
    """

    address: str | None = None
    within: float | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Manager:
        """The one that started this process, if it wants to hear of it."""
        within = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return cls(environ.get("NOTIFY_SOCKET") or None, int(within) / 1e6 if within.isdecimal() and mine else None)

    @contextmanager
    def told(self, how: Callable[[], str]) -> Iterator[None]:
        """While this block lasts: that we are ready, and in time for the watchdog how it goes, in one line.

        `how` asks the store, as all work does: where that hangs no sign of life is given, and we are started anew.
        """
        if self.address is None:
            yield
            return
        self._tell("READY=1")
        over = threading.Event()
        beat = threading.Thread(target=self._beat, args=[how, over], name="manager", daemon=True)
        beat.start()
        try:
            yield
        finally:
            over.set()
            beat.join(timeout=5)

    def _beat(self, how: Callable[[], str], over: threading.Event) -> None:
        often = min(OFTEN, self.within / 3) if self.within else OFTEN
        while not over.is_set():
            try:
                told = how()
            except Exception:
                # What goes wrong in telling is no reason to end a daemon that works.
                log.exception("status failed")
                told = "at work"
            self._tell(f"STATUS={told}", *(["WATCHDOG=1"] if self.within else []))
            over.wait(often)

    def _tell(self, *lines: str) -> None:
        if self.address is None:
            return
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            try:
                channel.sendto("\n".join(lines).encode(), address)
            except OSError:
                return  # a manager that is away misses a line; the sync does not
