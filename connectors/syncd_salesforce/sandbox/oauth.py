"""The token endpoint: client credentials, JWT bearer, refresh token.

What is not here: what a token opens (`gate`). Passwords and SOAP login are refused, as in new orgs.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

import jwt

from syncd_salesforce.sandbox.gate import Gate, Session
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.store import Row

if TYPE_CHECKING:
    from jwt.types import Options

_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE = 180


class OAuthError(Exception):
    """A token that is not given: `{"error", "error_description"}` with this status."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        """Take both words."""
        self.error, self.description, self.status = error, description, status
        super().__init__(f"{error}: {description}")


def token(org: Org, gate: Gate, raw: bytes, headers: Mapping[str, str], address: str) -> dict[str, Any]:
    """The answer of POST /services/oauth2/token. `address`: where this org was asked."""
    form = _form(raw)
    kind = form.get("grant_type")
    if kind is None:
        raise OAuthError("invalid_request", "missing required parameter: grant_type")
    more: dict[str, str] = {}
    if kind == "client_credentials":
        user = _client_credentials(org, form, headers)
    elif kind == _JWT:
        user = _jwt(org, form.get("assertion", ""), address)
    elif kind == "refresh_token":
        user, more = _refresh(org, gate, form, headers)
    else:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    if not user["IsActive"]:
        raise OAuthError("inactive_user", "user is inactive")
    return {
        "access_token": gate.open(user["Id"]),
        **more,
        "signature": base64.b64encode(secrets.token_bytes(32)).decode(),
        "scope": "api",
        "instance_url": org.settings["instance_url"] or address,
        "id": f"https://login.salesforce.com/id/{org.id}/{user['Id']}",
        "token_type": "Bearer",
        "issued_at": str(org.clock.ms()),
    }


def userinfo(org: Org, session: Session) -> dict[str, Any]:
    """The answer of GET /services/oauth2/userinfo."""
    user = org.store.rows["User"][session.user]
    return {
        "user_id": user["Id"],
        "organization_id": org.id,
        "preferred_username": user["Username"],
        "name": user["Name"],
        "email": user["Email"],
        "active": user["IsActive"],
    }


def introspect(org: Org, gate: Gate, raw: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """The answer of POST /services/oauth2/introspect: the one place that tells when a session ends."""
    form = _form(raw)
    _client(org, form, headers, secret=True)
    return gate.facts(form.get("token", ""))


def _form(raw: bytes) -> dict[str, str]:
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))


def _client(org: Org, form: Mapping[str, str], headers: Mapping[str, str], *, secret: bool) -> None:
    """The consumer key and its secret, in the form or as HTTP Basic."""
    key, word = form.get("client_id"), form.get("client_secret")
    kind, _, told = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            key, _, word = base64.b64decode(told).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise OAuthError("invalid_client", "invalid client credentials") from error
    if key != org.settings["client_id"]:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if (secret or word is not None) and word != org.settings["client_secret"]:
        raise OAuthError("invalid_client", "invalid client credentials")


def _client_credentials(org: Org, form: Mapping[str, str], headers: Mapping[str, str]) -> Row:
    if not org.settings["my_domain"]:
        raise OAuthError("invalid_grant", "request not supported on this domain")
    _client(org, form, headers, secret=True)
    if not org.settings["run_as"]:
        raise OAuthError("invalid_grant", "no client credentials user enabled")
    return org.integration


def _refresh(org: Org, gate: Gate, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[Row, dict[str, str]]:
    _client(org, form, headers, secret=False)
    given = form.get("refresh_token", "")
    if given not in gate.refresh:
        raise OAuthError("invalid_grant", "expired access/refresh token")
    if not org.settings["refresh_rotation"]:
        return org.integration, {}
    gate.refresh.remove(given)
    gate.refresh.append(secrets.token_urlsafe(32))
    return org.integration, {"refresh_token": gate.refresh[-1]}


def _jwt(org: Org, assertion: str, address: str) -> Row:
    claims = _claims(assertion, org.settings["jwt_public_key"])
    if claims.get("iss") != org.settings["client_id"]:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if str(claims.get("aud")).rstrip("/") not in (*org.settings["jwt_audience"], address):
        raise OAuthError("invalid_grant", "audience is invalid")
    left = float(claims.get("exp") or 0) - org.clock.seconds()
    if left <= 0:
        raise OAuthError("invalid_grant", "expired authorization code")
    if left > _LIFE + 5:
        raise OAuthError("invalid_grant", "invalid assertion")
    user = org.user(claims.get("sub"))
    if user is None or not org.settings["jwt_approved"]:
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
    return user


def _claims(assertion: str, key: str | None) -> dict[str, Any]:
    """What an assertion claims; its times and its audience are judged by this org's own clock and address."""
    unjudged = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_sub"), False)
    checks = cast("Options", {"verify_signature": key is not None, **unjudged})
    try:
        claims: dict[str, Any] = jwt.decode(assertion, key or "", algorithms=["RS256"], options=checks)
        alg = jwt.get_unverified_header(assertion).get("alg")
    except jwt.PyJWTError as error:
        raise OAuthError("invalid_grant", "invalid assertion") from error
    if alg != "RS256":
        raise OAuthError("invalid_grant", "invalid assertion")
    return claims
