"""What every answer says to a browser, and what every request must be. What is not here: who asks (`doors`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from starlette.requests import Request

from syncd.console.ask import Visitor

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
FRESH = {"cache-control": "no-store"}

FORM_LIMIT = 1_000_000
"""Bytes of a form: a map of a thousand rules has a tenth of it."""

SENT_WITHIN = 10.0
"""Seconds in which a body must have come in."""

FIELDS = 2000
"""Fields of a form."""


class Unfit(Exception):
    """A request that no page of ours sends; the answer's status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        """Say which."""
        super().__init__(sentence)
        self.status = status


def names(listen: str, url: str | None) -> list[str]:
    """The names under which the pages may be asked for: a page under another would be somebody else's."""
    own = listen.rpartition(":")[0].strip("[]")
    known = {"127.0.0.1", "localhost", "::1"}
    if own not in ("0.0.0.0", "::", ""):  # noqa: S104 - not bound here
        known.add(own)
    if url is not None:
        known.add(urlsplit(url).hostname or "")
    return sorted(known)


def closed(request: Request) -> str:
    """What is said to a request that is not waited for any longer, because nothing more is taken here."""
    told = "syncd ends, or goes on with another set-up. Look again in a moment"
    return f"{told}." if request.method == "GET" else f"{told}: it may have been done, or not."


def host(request: Request) -> str:
    """The name under which a page was asked for, without its port."""
    told = request.headers.get("host", "")
    return (_parts(f"//{told}").hostname or "").lower() if _plain(told) else ""


def _parts(address: str) -> SplitResult:
    """An address in its parts; of one that is none, empty ones."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def sayable(text: str) -> str:
    """A text that was sent, without the one letter that no database keeps."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _plain(told: str) -> bool:
    return told.isascii() and not any(letter in told for letter in "/@?#\\ ")


def must_be_ours(request: Request, visitor: Visitor | None, token: str) -> None:
    """A deed is done by our own pages alone. Raises Unfit.

    Three proofs, of which each would do: the browser says that the request comes from our own pages, the cookie is sent
    by no other site, and the form carries what only our own pages know.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Unfit(403, "This was sent by another site.")
    origin = request.headers.get("origin")
    if origin is not None and _parts(origin).netloc != request.headers.get("host", ""):
        raise Unfit(403, "This was sent by another site.")
    if visitor is not None and not compare_digest(token.encode(), visitor.csrf.encode()):
        raise Unfit(403, "This page is of an earlier sign-in. Load it anew.")


async def form_of(request: Request) -> list[tuple[str, str]]:
    """The fields of a form that was sent, in their order. Raises Unfit."""
    if request.headers.get("content-type", "").partition(";")[0].strip() not in ("", _FORM):
        raise Unfit(415, "This takes a form.")
    body = await body_of(request)
    try:
        found = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS, strict_parsing=bool(body))
    except (UnicodeDecodeError, ValueError):
        raise Unfit(400, "This is no form.") from None
    return [(sayable(name), sayable(value)) for name, value in found]


_FORM = "application/x-www-form-urlencoded"


async def body_of(request: Request) -> bytes:
    """The whole body. Raises Unfit as soon as it is too long, or takes too long."""
    told = request.headers.get("content-length", "")
    pieces = bytearray()
    if told.isdecimal() and len(told) < 20 and int(told) > FORM_LIMIT:
        raise Unfit(413, f"This is longer than {FORM_LIMIT:,} bytes.")
    try:
        async with asyncio.timeout(SENT_WITHIN):
            async for piece in request.stream():
                pieces += piece
                if len(pieces) > FORM_LIMIT:
                    raise Unfit(413, f"This is longer than {FORM_LIMIT:,} bytes.")
    except TimeoutError:
        raise Unfit(408, "What was sent did not come in.") from None
    return bytes(pieces)


def headers(*, secure: bool, **more: str) -> dict[str, Any]:
    """What an answer of a page says. `secure`: people come by TLS."""
    lasting = {"strict-transport-security": "max-age=31536000"} if secure else {}
    return {**HEADERS, **FRESH, **lasting, **{name.replace("_", "-"): value for name, value in more.items()}}
