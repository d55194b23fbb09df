"""Processes that are there in a moment: forked off one that has imported everything once. Else each takes a second.

What is not here: the daemon's life (`process`).
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from syncd.kit import registry
from syncd.kit.sandbox import Sandbox, SandboxServer


def _forks() -> ForkServerContext:
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(
        ["syncd.cli.root", "syncd.app", "syncd.service.cluster", "syncd.lab.warm", *registry.modules()]
    )
    return found


def syncd(arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> ForkServerProcess:
    """`python -m syncd` with these arguments and this environment, started; what it says goes to the end of `log`."""
    process = _forks().Process(target=_syncd, args=(list(arguments), dict(environ), log), daemon=True)
    process.start()
    return process


def _syncd(arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
    os.environ.clear()
    os.environ.update(environ)
    with log.open("ab") as said:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(said.fileno(), stream.fileno())
    sys.argv = ["syncd", *arguments]
    runpy.run_module("syncd", run_name="__main__", alter_sys=True)


@contextmanager
def apart(make: Callable[[], Sandbox]) -> Iterator[str]:
    """A sandbox in a process of its own, for as long as the `with` block lasts; its address.

    `make` travels there, so it is a module's function, or a `functools.partial` of one. What it raises here: nothing;
    a sandbox that does not start is a RuntimeError.
    """
    context = _forks()
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(make, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        url = str(ours.recv())
    except EOFError:
        raise RuntimeError("a sandbox did not start; its own words are on stderr") from None
    try:
        yield url
    finally:
        ours.close()  # the other end hears it and stops; so it does when this process is killed
        process.join(timeout=10)


def _serve(make: Callable[[], Sandbox], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that began it
    with SandboxServer(make()) as server:
        pipe.send(server.url)
        with suppress(EOFError):
            pipe.recv()
