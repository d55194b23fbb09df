"""What answers and tells from a daemon's start to its end: its port, and the service manager.

It is there before the daemon, which waits until every system has said what fields it has. What is not here: the
answers themselves (`web`, `watch`, `syncd.console`), and the daemon's work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Self

from starlette.types import ASGIApp

from syncd.config import WebConfig
from syncd.core.model import Ref
from syncd.errors import Transient
from syncd.kit.webhook import Receiver
from syncd.service.manager import Manager
from syncd.service.scheduler import Tick
from syncd.service.watch import Watch
from syncd.service.web import Keep, Web


class Site:
    """Of one process. `receivers`: what understands the webhooks of the systems that have a secret for them.

    `pages`: makes what people are shown on the same port, if anything, given whether nobody listens there any more.
    """

    def __init__(
        self,
        web: WebConfig,
        receivers: Sequence[Receiver],
        watch: Watch,
        pages: Callable[[Callable[[], bool]], ASGIApp] | None = None,
    ) -> None:
        """Open nothing yet."""
        self._watch = watch
        self._keep: Keep | None = None
        closed = threading.Event()
        rest = pages(closed.is_set) if pages is not None else None
        self._web = Web(web.listen, web.public_url, receivers, self._hinted, watch.routes(), rest, closed=closed)

    @contextmanager
    def open(self, environ: Mapping[str, str], *, alone: bool) -> Iterator[Self]:
        """Answer and tell while this block lasts. Raises ConfigError if the port is taken.

        `alone`: it must be free. Of several processes, the first one of a machine listens.
        """
        with closing(self._web):
            if alone:
                self._web.open()
            else:
                self._web.try_to_open()
            with Manager.of(environ).told(self._watch.line):
                yield self

    def began(self, keep: Keep) -> None:
        """The daemon works; it keeps hints from now on."""
        self._keep = keep
        self._watch.started.set()

    def listens(self) -> bool:
        """Whether this process is the one of its machine that listens."""
        return self._web.listens()

    def tick(self) -> Tick:
        """Of one of several processes: if whoever listens on this machine ends, this one takes over."""
        return self._web.tick()

    def _hinted(self, refs: Sequence[Ref]) -> None:
        if self._keep is None:
            raise Transient("syncd is starting.")
        self._keep(refs)
