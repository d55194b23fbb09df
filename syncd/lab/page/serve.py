"""Serving the page on 127.0.0.1, on the first free port from the wished one on.

What is not here: the page itself (`app`).
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from syncd.errors import ConfigError, Problem

TRIES = 50


@contextlib.contextmanager
def serve(page: Starlette, port: int = 8484) -> Iterator[str]:
    """Serve in a thread for as long as the `with` block lasts; gives the address."""
    listening = _listen(port)
    config = uvicorn.Config(page, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]), name="page", daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(timeout=10)
        listening.close()


def _listen(port: int) -> socket.socket:
    """The first free port from `port` on. Raises ConfigError if there is none near."""
    for wished in range(port, port + TRIES) if port else (0,):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", wished))
            listening.listen(64)
        except OSError as error:
            listening.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
        else:
            return listening
    raise ConfigError(Problem(f"--port {port}", f"no free port from here to {port + TRIES}.", "Choose another one."))
