"""A provider of OpenID Connect over real sockets, with real keys, that can be told to err. Not here: any test."""

from __future__ import annotations

import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import unquote_plus, urlencode

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from syncd.lab.page.serve import serve

CLIENT, SECRET, ACCESS = "syncd console", "s3cret+with/signs%and=more", "0paque-access.token"


def key(name: str, algorithm: str = "RS256", bits: int = 2048) -> Any:
    """The private key of this name; made once, since that takes long."""
    return _key(name, 0 if algorithm.startswith("ES") else bits)


@cache
def _key(_name: str, bits: int) -> Any:
    return new_rsa(65537, bits) if bits else new_ec(SECP256R1())


def public(kid: str | None, algorithm: str, private: Any) -> dict[str, Any]:
    """A key as it is published."""
    kind = jwt.get_algorithm_by_name(algorithm)
    found = kind.to_jwk(private.public_key(), as_dict=True)
    return {**found, "use": "sig", "alg": algorithm, **({"kid": kid} if kid is not None else {})}


def signed(claims: dict[str, Any], kid: str | None = "one", algorithm: str = "RS256") -> str:
    """A token as the provider signs it."""
    return jwt.encode(claims, key(kid or "one", algorithm), algorithm, headers={"kid": kid} if kid else None)


@dataclass(slots=True)
class Provider:
    """What it answers, to be changed by a test; `heard`: how often each address was asked."""

    issuer: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    apart: dict[str, Any] = field(default_factory=dict)
    """What it tells of the person not in the ID token but at an address of its own; with that it has one."""
    claims: dict[str, Any] = field(default_factory=dict)
    described: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=list)
    token: Callable[[dict[str, Any]], str] = signed
    instead: dict[str, Callable[[], Response]] = field(default_factory=dict)
    heard: Counter[str] = field(default_factory=Counter)
    seen: list[str] = field(default_factory=list)
    """Every secret thing that passed: nothing of it may be told."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def afresh(self) -> None:
        """Well-behaved again, with a person whose address is verified."""
        self.person = {"email": "vera@example.com", "email_verified": True}
        self.keys = [public("one", "RS256", key("one"))]
        self.token = signed
        for one in (self.apart, self.claims, self.described, self.instead, self.heard, self.seen, self._codes):
            one.clear()

    def app(self) -> Starlette:
        """Its pages."""
        paths = {
            "/.well-known/openid-configuration": self._discovery, "/keys": self._published, "/token": self._exchanged,
            "/authorize": self._asked, "/me": self._person,
        }  # fmt: skip
        return Starlette(
            routes=[Route(path, self._heard(does), methods=["GET", "POST"]) for path, does in paths.items()]
        )

    def agree(self, address: str) -> str:
        """What a person does there who was sent to this address and says yes: where they are sent back to."""
        answer = httpx.post(address.replace("localhost", "127.0.0.1"), trust_env=False)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def _heard(self, does: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            self.heard[request.url.path] += 1
            instead = self.instead.get(request.url.path)
            return instead() if instead is not None else await does(request)

        return endpoint

    async def _discovery(self, request: Request) -> Response:
        told = {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256", "PS256"],
            **({"userinfo_endpoint": f"{self.issuer}/me"} if self.apart else {}), **self.described,
        }  # fmt: skip
        return JSONResponse({name: value for name, value in told.items() if value is not None})

    async def _published(self, request: Request) -> Response:
        return JSONResponse({"keys": self.keys})

    async def _asked(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if request.method == "GET":
            return HTMLResponse(
                f"<title>Provider</title><h1>Provider</h1><form method=post action='?{escape(urlencode(asked))}'>"
                "<button>Yes, it is me</button></form>"
            )
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256" and set(asked["scope"].split()) == {"openid", "email"}
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        self.seen += [code, asked["state"], asked["nonce"]]
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 303)

    async def _exchanged(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await _form(request)).items()}
        self.seen += [form.get("code_verifier", "?"), SECRET]
        if self._client(request, form) != (CLIENT, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self._codes.pop(form["code"], None)
        proof = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != proof:
            return JSONResponse({"error": "invalid_grant", "error_description": f"{form['code']} is none"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": "248289761001", "aud": CLIENT, "exp": now + 300, "iat": now,
            "nonce": asked["nonce"], **self.person, **self.claims,
        }  # fmt: skip
        token = self.token({name: value for name, value in claims.items() if value is not None})
        self.seen += [token, ACCESS]
        return JSONResponse({"access_token": ACCESS, "token_type": "Bearer", "id_token": token})

    async def _person(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {ACCESS}":
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse({"sub": "248289761001", **self.apart})

    def _client(self, request: Request, form: dict[str, str]) -> tuple[str, str]:
        if self.described.get("token_endpoint_auth_methods_supported") == ["client_secret_post"]:
            assert "authorization" not in request.headers
            return form["client_id"], form["client_secret"]
        assert "client_secret" not in form
        name, _, secret = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)


async def _form(request: Request) -> dict[str, str]:
    return dict(httpx.QueryParams((await request.body()).decode()))


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve one, as another site than 127.0.0.1 is."""
    made = Provider()
    made.afresh()
    with serve(made.app(), 0) as url:
        made.issuer = url.rstrip("/").replace("127.0.0.1", "localhost")
        yield made
