"""The console, made when somebody first asks for a page: a daemon that nobody looks at does not pay for it.

What is not here: the console (`site`).
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send


class Later:
    """An application that is made by its first request."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        """Make nothing yet."""
        self._make = make
        self._made: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as what was made."""
        if self._made is None:
            self._made = self._make()
        await self._made(scope, receive, send)
