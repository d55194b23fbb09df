"""JobNimbus's refusals as errors by remedy.

What is not here: the default table for what JobNimbus says like everybody else (`kit.http`).
JobNimbus answers some client mistakes with 500, so the sentence is looked at before the number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from syncd.errors import AuthError, Refused, SyncdError

_SENTENCE_KEYS = ("message", "error", "Message", "errorMessage", "detail", "body")
"""Where an error's words stand, in the order to try; some bodies are plain text."""

_DUPLICATE = re.compile(r"duplicate", re.IGNORECASE)
_CLIENT_MISTAKE = re.compile(r"attempt to relate to invalid document|invalid parameters", re.IGNORECASE)

WRONG_KEY = "JobNimbus does not accept the API key."
KEY_REMEDY = "Make a key under Settings > API > New API Key, with an access profile that sees contacts and jobs."
NO_ACCESS = "The access profile of the JobNimbus API key does not allow this."


class NotFound(Refused):
    """No record of that id can be seen with our key."""


class Forbidden(AuthError):
    """A 403: the key is right, its access profile is too narrow, for this record or for everything."""


def explain(status: int, _headers: Mapping[str, str], body: Any) -> SyncdError | None:
    """The error of an answer that is not a 2xx, or None for the default table. `body` is parsed JSON or text."""
    said = words(body)
    if status == 401:
        return AuthError(f"{WRONG_KEY} {KEY_REMEDY}")
    if status == 403:
        return Forbidden(f"{NO_ACCESS}{_quoted(said)} {KEY_REMEDY}", permission="access profile of the API key")
    if status == 404:
        return NotFound(f"JobNimbus knows no such record or address (404).{_quoted(said)}")
    if 400 <= status < 500 and status not in (408, 423, 425, 429):
        return Refused(_refusal(status, said), duplicate=status == 409 or bool(_DUPLICATE.search(said)))
    if status == 500 and _CLIENT_MISTAKE.search(said):
        return Refused(_refusal(status, said))
    return None


def words(body: Any) -> str:
    """What JobNimbus says in one line of at most 300 characters; empty when it says nothing."""
    found = body
    if isinstance(body, Mapping):
        found = next((body[key] for key in _SENTENCE_KEYS if isinstance(body.get(key), str) and body[key]), "")
    return " ".join(found.split())[:300] if isinstance(found, str) else ""


def _refusal(status: int, said: str) -> str:
    return f"JobNimbus refused ({status}).{_quoted(said)}"


def _quoted(said: str) -> str:
    return f' It says: "{said}"' if said else ""
