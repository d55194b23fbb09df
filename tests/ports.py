"""Ports for servers that are told beforehand where to listen. What is not here: those that choose one themselves."""

from __future__ import annotations

import random
import socket

PORTS = range(10_000, 32_000)
"""Below those that the system gives to connections: of these, any may be somebody's by the time it is listened on."""


def free_port() -> int:
    """A port that nobody has."""
    chance = random.SystemRandom()  # tests that run beside each other may have seeded theirs alike
    while True:
        port = chance.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
