"""Sessions of Salesforce: three ways to get one, one thread that gets it while the others wait.

An answer does not say how long a session lasts, so each is used until Salesforce refuses it. It is never revoked:
another process may be using it.

What is not here: sending a request again with the new session (`door`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from syncd.errors import AuthError, ConfigError, Problem, Transient
from syncd.kit.http import Http
from syncd_salesforce import ids, keys

CLIENT_CREDENTIALS, JWT, REFRESH = WAYS = ("client_credentials", "jwt", "refresh_token")

_PATH = "/services/oauth2/token"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_SECONDS = 170
"""Salesforce takes at most three minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """How sessions are come by. `secret`: the client secret, the private key, or the first refresh token."""

    way: str
    client_id: str
    secret: str = field(repr=False)
    username: str = ""
    audience: str = ""
    token_file: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """An access token, where it is good, and whose it is (None: not told)."""

    token: str = field(repr=False)
    instance_url: str | None
    user: str | None
    org: str | None


class Tokens:
    """The session of one system, shared by all its threads."""

    def __init__(self, http: Http, credential: Credential, place: str) -> None:
        """Ask nothing yet. ConfigError for a way that lacks a setting, and for a key that is none."""
        self._http, self._credential = http, credential
        self._key = _checked(credential, place)
        self._lock = threading.Lock()
        self._session: Session | None = None

    def session(self) -> Session:
        """The session in use; asks for one where there is none. Raises AuthError and Transient."""
        return self._session or self.renewed(None)

    @property
    def known(self) -> Session | None:
        """The session in use; never asks."""
        return self._session

    def renewed(self, dead: Session | None) -> Session:
        """A session other than the dead one. Of all threads that come with one, the first asks; the others get its."""
        with self._lock:
            if self._session is None or self._session is dead:
                self._session = None
                self._session = self._asked()
            return self._session

    def _asked(self) -> Session:
        forms: Mapping[str, Callable[[], dict[str, str]]] = {
            CLIENT_CREDENTIALS: self._with_secret,
            JWT: self._with_key,
            REFRESH: self._with_refresh,
        }
        body = self._http.request("POST", _PATH, form=forms[self._credential.way](), limit="token").body
        told = body if isinstance(body, Mapping) else {}
        token, renewed = told.get("access_token"), told.get("refresh_token")
        if not isinstance(token, str) or not token:
            raise Transient("Salesforce answered the request for a session without one.")
        if self._credential.way == REFRESH and isinstance(renewed, str) and renewed:
            _keep(self._credential.token_file, renewed)
        org, user = _who(told.get("id"))
        where = told.get("instance_url")
        return Session(token, where.rstrip("/") if isinstance(where, str) and where else None, user, org)

    def _with_secret(self) -> dict[str, str]:
        one = self._credential
        return {"grant_type": "client_credentials", "client_id": one.client_id, "client_secret": one.secret}

    def _with_key(self) -> dict[str, str]:
        if self._key is None:
            raise AuthError("There is no private key to sign with.")
        return {"grant_type": _JWT_GRANT, "assertion": assertion(self._credential, self._key, self._http.now())}

    def _with_refresh(self) -> dict[str, str]:
        one = self._credential
        return {
            "grant_type": "refresh_token",
            "client_id": one.client_id,
            "refresh_token": _kept(one.token_file) or one.secret,
        }


def assertion(credential: Credential, key: RSAPrivateKey, now: datetime) -> str:
    """The signed words that we are this app and act for this user."""
    claims = {
        "iss": credential.client_id,
        "sub": credential.username,
        "aud": credential.audience,
        "exp": int(now.timestamp()) + _ASSERTION_SECONDS,
    }
    return jwt.encode(claims, key, algorithm="RS256")


def _checked(credential: Credential, place: str) -> RSAPrivateKey | None:
    lacking = {
        "client_id": not credential.client_id,
        "username": credential.way == JWT and not credential.username,
        "token_file": credential.way == REFRESH and not credential.token_file,
    }
    problems = [
        Problem(f"{place}.{name}", f"is needed with auth = {credential.way!r}.", "See the guide to the Salesforce app.")
        for name, missing in lacking.items()
        if missing
    ]
    if problems:
        raise ConfigError(problems)
    if credential.way != JWT:
        return None
    try:
        return keys.read(credential.secret)
    except keys.NoKey as error:
        remedy = "Let `secret` name a file with the key in one line, as the guide to the Salesforce app makes it."
        raise ConfigError(Problem(f"{place}.secret", f"{error}.", remedy)) from None


def _kept(path: str) -> str:
    """The refresh token of the last rotation; empty before the first."""
    with suppress(FileNotFoundError):
        return Path(path).read_text(encoding="ascii").strip()
    return ""


def _keep(path: str, token: str) -> None:
    """Write a refresh token down, whole and for us alone, before anything is done with what came with it.

    The one before is dead from now on, so a disk that does not take it is a matter for the operator.
    """
    beside = f"{path}.new"
    try:
        with suppress(FileNotFoundError):
            Path(beside).unlink()
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(token)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except OSError as error:
        words = (
            f"The new refresh token cannot be written to {path} ({type(error).__name__}); Salesforce ended the old one."
        )
        raise AuthError(words, permission="to write `token_file`") from error


def _who(id: object) -> tuple[str | None, str | None]:
    """The org and the user of an identity address, `https://login.salesforce.com/id/ORG/USER`."""
    parts = str(id or "").split("/")[-2:]
    whole = [ids.full(part) for part in parts]
    return (whole[0], whole[1]) if len(whole) == 2 else (None, None)
