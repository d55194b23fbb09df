"""One question to a web address that is no vendor's: JSON back, within a time and a size, and nothing of it told.

What is not here: retries, limits, errors by remedy and a vendor's clock (`http`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from syncd.kit.http import NoAnswer, authorities, is_loopback

MOST = 300_000
"""Bytes of an answer: what is asked here has a tenth of it."""

WITHIN = 10.0
"""Seconds in which the whole answer must have come."""


def fetch(
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    most: int = MOST,
    within: float = WITHIN,
) -> tuple[int, Mapping[str, Any]]:
    """Ask, or post a form: the status, and the JSON object that came, empty if it was none. Raises NoAnswer.

    No redirect is followed, and no error tells more than the address's host.
    """
    host = urlsplit(url).hostname or ""
    # Compressed bytes are not asked for and not unpacked: a few could hold more than the limit allows.
    sent = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "syncd", **(headers or {})}
    client = httpx.Client(verify=authorities(), timeout=within, trust_env=not is_loopback(host))
    method = "GET" if form is None else "POST"
    until = time.monotonic() + within
    try:
        with client, client.stream(method, url, data=form, headers=sent, follow_redirects=False) as response:
            return response.status_code, _object(_whole(response, most, until))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoAnswer(f"{host} gave no answer ({type(error).__name__}).") from None


def _whole(response: httpx.Response, most: int, until: float) -> bytes:
    pieces = bytearray()
    for piece in response.iter_raw():
        pieces += piece
        if len(pieces) > most:
            raise httpx.ReadError("too long")
        if time.monotonic() > until:
            raise httpx.ReadTimeout("the answer took too long in all")
    return bytes(pieces)


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
