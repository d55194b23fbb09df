"""The way to another's sign-in and back, as a browser walks it: redirects, and the cookie that binds them to it.

What is not here: what is asked and believed (`oidc`), and the pages (`site`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from syncd.console import guards
from syncd.console.doors import Doors
from syncd.console.oidc import LASTS, Oidc
from syncd.console.render import link

AT_ONCE = 4
"""Questions to the provider: each has a thread waiting, and pages need those too."""

OUT = "/login/oidc"


@dataclass(slots=True)
class Elsewhere:
    """Of one provider. `cookie`: the name of ours; `secure`: people come by TLS."""

    oidc: Oidc
    cookie: str
    secure: bool
    _asking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @classmethod
    def of(cls, doors: Doors, listen: str, cookie: str, *, secure: bool) -> Elsewhere | None:
        """As it is set up; None if it is not."""
        found = Oidc.of(doors, listen)
        return cls(found, f"{cookie}-oidc", secure) if found is not None else None

    async def out(self, request: Request, to: str) -> Response:
        """Send somebody to the provider who wants to page `to`. Raises Astray.

        They leave under the name to which they come back, for there the cookie is kept.
        """
        if guards.host(request) != self.oidc.host and "here" not in request.query_params:
            return RedirectResponse(self.oidc.home + link(OUT, to=to, here=1), 303)
        async with self._asking:
            address, kept = await run_in_threadpool(self.oidc.leave, to)
        answer = RedirectResponse(address, 303)
        answer.set_cookie(self.cookie, kept, max_age=int(LASTS.total_seconds()), **self._kind)
        return answer

    async def back(self, request: Request) -> tuple[str, str]:
        """The secret of a new sign-in of somebody who is back, and where they wanted to go. Raises Astray."""
        async with self._asking:
            kept = request.cookies.get(self.cookie, "")
            return await run_in_threadpool(self.oidc.back, dict(request.query_params), kept)

    def over(self, answer: Response) -> Response:
        """Have the browser forget that it was sent."""
        answer.delete_cookie(self.cookie, **self._kind)
        return answer

    @property
    def _kind(self) -> dict[str, Any]:
        """Sent to us also where another site leads here, unlike the cookie of a sign-in."""
        return {"path": "/", "secure": self.secure, "httponly": True, "samesite": "lax"}
