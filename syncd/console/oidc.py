"""Signing in with somebody else's accounts by OpenID Connect: the way there, the way back, and who it is then.

The flow with a code, PKCE, a state and a nonce. What is not here: HTTP to us (`site`), HTTP to the provider
(`kit.fetch`), and what somebody may do: accounts and roles are syncd's own, and none is made here.
"""

from __future__ import annotations

import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import jwt
import structlog

from syncd.config import values
from syncd.console.doors import NAME, Doors, digest
from syncd.kit.fetch import fetch
from syncd.kit.http import NoAnswer
from syncd.store.access import Token

log = structlog.stdlib.get_logger("syncd.console")

BACK = "/login/oidc/back"
WELL_KNOWN = "/.well-known/openid-configuration"

ALGORITHMS = ("RS256", "ES256", "PS256")
"""Signatures that are taken: none that whoever knows the public key, or nobody at all, could make."""

LEEWAY = 60.0
"""Seconds by which the provider's clock and ours may differ."""

LASTS = timedelta(minutes=10)
"""How long somebody may take at the provider."""

KEPT = timedelta(hours=1)
"""How long what the provider says of itself is gone by."""

UNDER_WAY = 1000
"""Sign-ins that are begun and not over: anybody can begin one, and each is kept in the store."""

LONGEST_TO = 120
"""Letters of where somebody wants to go: they are kept with a nonce and a verifier, and that has room for 200."""


class Astray(Exception):
    """A sign-in that came to nothing: a sentence for whoever tried, and the answer's status."""

    def __init__(self, sentence: str, status: int = 403) -> None:
        """Say which."""
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What a provider says of itself. `posts`: our secret travels in the form, as it takes no other way.

    `person`: where it tells of whoever signed in what it leaves out of its ID tokens; None if it has no such address.
    """

    authorize: str
    token: str
    keys: str
    person: Any
    algorithms: Sequence[str]
    posts: bool


@dataclass(slots=True)
class Oidc:
    """Of one provider. `home`: the address under which people open the console."""

    doors: Doors
    home: str
    _known: tuple[Provider, datetime] | None = None
    _keys: list[Mapping[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, doors: Doors, listen: str) -> Oidc | None:
        """As it is set up; None if it is not."""
        config = doors.config
        return cls(doors, config.url or f"http://{listen}") if config.oidc_issuer is not None else None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.doors.config.oidc_name

    @property
    def host(self) -> str:
        """The name under which a browser has to leave, for it comes back there."""
        return (urlsplit(self.home).hostname or "").lower()

    def leave(self, to: str) -> tuple[str, str]:
        """Where to send somebody who wants to page `to`, and what their browser keeps until they are back.

        Raises Astray.
        """
        provider, now = self._provider(), self.doors.clock()
        kept, nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(24), secrets.token_urlsafe(32)
        # An address that is too long to be kept, or that a database does not take, is that of the first page.
        label = f"{nonce} {verifier} {to}" if to.isprintable() and len(to) <= LONGEST_TO else f"{nonce} {verifier} /"
        begun = Token(
            digest=digest(_state(kept)), kind="oidc", account="", label=label, made_at=now, seen_at=now,
            ends_at=now + LASTS,
        )  # fmt: skip
        with self.doors.store.begin() as tx:
            tx.access.let_in(begun)
            tx.access.keep_newest("oidc", UNDER_WAY)
        asked = {
            "response_type": "code", "client_id": self._client, "redirect_uri": self.home + BACK,
            "scope": "openid email", "state": _state(kept), "nonce": nonce,
            "code_challenge": _urlsafe(sha256(verifier.encode()).digest()), "code_challenge_method": "S256",
        }  # fmt: skip
        joint = "&" if "?" in provider.authorize else "?"
        return f"{provider.authorize}{joint}{urlencode(asked)}", kept

    def back(self, query: Mapping[str, str], kept: str) -> tuple[str, str]:
        """The secret of a new sign-in, and where its owner wanted to go. Raises Astray.

        `query`: what the provider sent them back with; `kept`: by their browser.
        """
        nonce, verifier, to = self._begun(query.get("state", ""), kept)
        if query.get("iss", self._issuer) != self._issuer:
            raise self._refused("the answer names another issuer")
        if "error" in query:
            raise self._denied(query["error"])
        provider = self._provider()
        token, access = self._tokens(provider, query.get("code", ""), verifier)
        name = self._account(self._person(provider, self._claims(provider, token, nonce), access))
        secret = self.doors.vouched(name)
        if secret is None:
            log.warning("sign-in refused", why="no account of this name")
            raise Astray(f"There is no account {name} here. Ask an admin of syncd to let you in under this name.")
        return secret, to

    @property
    def _issuer(self) -> str:
        return self.doors.config.oidc_issuer or ""

    @property
    def _client(self) -> str:
        return self.doors.config.oidc_client_id or ""

    def _begun(self, state: str, kept: str) -> tuple[str, str, str]:
        """Nonce, verifier and page of a sign-in that this very browser began; it is over with that."""
        if not kept or not compare_digest(state.encode(), _state(kept).encode()):
            log.info("sign-in refused", why="not begun in this browser")
            raise Astray("This sign-in was not begun in this browser, or was begun anew since. Please begin again.")
        with self.doors.store.begin() as tx:
            begun = tx.access.token(digest(state), "oidc", self.doors.clock())
            taken = tx.access.end(digest(state)) > 0
        if begun is None or not taken:
            raise Astray("This sign-in was used already, or took longer than ten minutes. Please begin again.")
        nonce, verifier, to = begun.label.split(" ", 2)
        return nonce, verifier, to

    def _provider(self) -> Provider:
        """What it says of itself, asked anew when that is old."""
        now = self.doors.clock()
        if self._known is not None and now - self._known[1] < KEPT:
            return self._known[0]
        found = self._asked(self._issuer.rstrip("/") + WELL_KNOWN)
        if found.get("issuer") != self._issuer:
            raise self._broken("it calls itself otherwise than oidc_issuer does")
        provider = self._described(found)
        self._keys, self._known = [], (provider, now)
        return provider

    def _described(self, found: Mapping[str, Any]) -> Provider:
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        authorize, token, keys = (self._address(name, found.get(name)) for name in names)
        algorithms = found.get("id_token_signing_alg_values_supported", ["RS256"])
        taken = [one for one in ALGORITHMS if isinstance(algorithms, list) and one in algorithms]
        if not taken:
            raise self._broken(f"it signs with none of {', '.join(ALGORITHMS)}")
        ways = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        known = [one for one in ("client_secret_basic", "client_secret_post") if isinstance(ways, list) and one in ways]
        if not known:
            raise self._broken("it takes a client's secret neither as client_secret_basic nor as client_secret_post")
        posts = known[0] == "client_secret_post"
        return Provider(
            authorize=authorize, token=token, keys=keys, algorithms=taken, posts=posts,
            person=found.get("userinfo_endpoint"),
        )  # fmt: skip

    def _address(self, name: str, found: Any) -> str:
        """An address of the provider's: as safe as its own one."""
        try:
            values.url(found)
            same = urlsplit(found).scheme == urlsplit(self._issuer).scheme and "#" not in found
        except ValueError:
            same = False
        if not same:
            raise self._broken(f"its {name} is no address to go by")
        return str(found)

    def _asked(self, url: str, **more: Any) -> Mapping[str, Any]:
        status, found = self._heard(url, **more)
        if status != 200 or not found:
            raise self._broken(f"{urlsplit(url).path[:200]} answered {status}{'' if found else ' without JSON'}")
        return found

    def _heard(self, url: str, **more: Any) -> tuple[int, Mapping[str, Any]]:
        try:
            return fetch(url, **more)
        except NoAnswer as error:
            log.warning("sign-in failed", why=str(error))
            raise Astray(f"{_begin(self.name)} does not answer. Try again in a moment.", 502) from None

    def _tokens(self, provider: Provider, code: str, verifier: str) -> tuple[str, str]:
        """What a code is worth, from the provider itself: the ID token, and what its owner is asked about with."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.home + BACK,
            "code_verifier": verifier,
        }  # fmt: skip
        secret = self.doors.config.oidc_secret or ""
        headers = {}
        if provider.posts:
            form |= {"client_id": self._client, "client_secret": secret}
        else:
            pair = f"{quote_plus(self._client)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        status, found = self._heard(provider.token, form=form, headers=headers)
        if status == 400 and found.get("error") == "invalid_grant":
            raise self._refused("the code was not taken")
        token = found.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise self._broken(f"the token endpoint answered {status} {_code(found.get('error'))}".rstrip())
        access = found.get("access_token")
        return token, access if isinstance(access, str) and access.isascii() and access.isprintable() else ""

    def _person(self, provider: Provider, claims: Mapping[str, Any], access: str) -> Mapping[str, Any]:
        """The claims with the e-mail address, which by the standard (Core, 5.4) comes by a question of its own."""
        if "email" in claims or provider.person is None or not access:
            return claims
        where = self._address("userinfo_endpoint", provider.person)
        told = self._asked(where, headers={"authorization": f"Bearer {access}"})
        if told.get("sub") != claims["sub"]:
            raise self._refused("what it tells of a person is about another one")
        # Whether an address is verified is said with the address.
        return {"sub": claims["sub"], **{name: told[name] for name in ("email", "email_verified") if name in told}}

    def _claims(self, provider: Provider, token: str, nonce: str) -> Mapping[str, Any]:
        """What the provider says under its signature, to us, now, and in answer to this very sign-in."""
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if not isinstance(algorithm, str) or algorithm not in provider.algorithms:
                raise jwt.InvalidAlgorithmError
            claims = jwt.decode(
                token, self._key(provider, header.get("kid"), algorithm), algorithms=[algorithm],
                audience=self._client, issuer=self._issuer, leeway=LEEWAY,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"], "enforce_minimum_key_length": True},
            )  # fmt: skip
        # Whatever a token is made of, no letter of it is told.
        except (jwt.PyJWTError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise self._refused(f"the ID token proves nothing ({type(error).__name__})") from None
        several = not isinstance(claims["aud"], str) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._client) != self._client:
            raise self._refused("the ID token is another client's")
        if not compare_digest(str(claims["nonce"]).encode("utf-8", "replace"), nonce.encode()):
            raise self._refused("the ID token is of another sign-in")
        return claims

    def _key(self, provider: Provider, kid: str | None, algorithm: str) -> jwt.PyJWK:
        """The key of this name. One that is not known may be new: the keys are asked for once more."""
        found = [] if kid is None else _fitting(self._keys, kid, algorithm)
        if not found:
            keys = self._asked(provider.keys).get("keys")
            self._keys = [one for one in keys if isinstance(one, dict)] if isinstance(keys, list) else []
            found = _fitting(self._keys, kid, algorithm)
        if len(found) != 1:
            raise jwt.InvalidKeyError
        return jwt.PyJWK(dict(found[0]), algorithm)

    def _account(self, claims: Mapping[str, Any]) -> str:
        """The name of the account that is meant."""
        email = claims.get("email")
        if not isinstance(email, str) or not email:
            raise self._refused("no e-mail address came", "told no e-mail address. Ask whoever runs it to send one.")
        # Some providers write it as a text.
        if claims.get("email_verified", True) not in (True, "true"):
            raise self._refused(
                "the e-mail address is not verified",
                "has not verified your e-mail address. Verify it there, then begin again.",
            )
        # Before letters are made small: some that are not ASCII become ones that are.
        if not email.isascii() or not NAME.fullmatch(email.lower()):
            raise self._refused(
                "the e-mail address cannot be an account's name",
                "told an e-mail address that no account here can have. Ask an admin of syncd for a password instead.",
            )
        return email.lower()

    def _denied(self, error: str) -> Astray:
        if error == "access_denied":
            log.warning("sign-in refused", why="the provider says access_denied")
            return Astray(f"{_begin(self.name)} did not let you in, or you turned back. Ask whoever runs it.")
        return self._broken(f"it answered with the error {_code(error)}")

    def _refused(self, why: str, sentence: str = "did not prove who you are. Please begin again.") -> Astray:
        """Of one person, this once; the log says why."""
        log.warning("sign-in refused", why=why)
        return Astray(f"{_begin(self.name)} {sentence}")

    def _broken(self, why: str) -> Astray:
        """Of everybody: what the provider says, or what is set up, is wrong; the log says what."""
        log.error("sign-in failed", why=why, issuer=self._issuer)
        sentence = "cannot be used now. Tell an admin of syncd: its log says why."
        return Astray(f"{_begin(self.name)} {sentence}", 502)


def _state(kept: str) -> str:
    """What travels through the provider; whoever sees it does not know what the browser keeps."""
    return _urlsafe(digest(kept))


def _urlsafe(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _fitting(keys: Sequence[Mapping[str, Any]], kid: str | None, algorithm: str) -> list[Mapping[str, Any]]:
    kind = "EC" if algorithm == "ES256" else "RSA"
    return [
        one
        for one in keys
        if one.get("kty") == kind
        and (kid is None or one.get("kid") == kid)
        and one.get("use", "sig") == "sig"
        and one.get("alg", algorithm) == algorithm
        and (kind == "RSA" or one.get("crv") == "P-256")
    ]


def _code(error: Any) -> str:
    """An error's code where it is one, and no sentence that a stranger wrote."""
    fits = isinstance(error, str) and len(error) <= 60 and error.isascii() and error.replace("_", "").isalnum()
    return str(error) if fits else ""


def _begin(words: str) -> str:
    """As a sentence begins."""
    return words[:1].upper() + words[1:]
