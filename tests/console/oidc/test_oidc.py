"""Signing in by OpenID Connect: who comes in, and whatever a provider or a stranger may try. Real sockets, real keys.

What is not here: a browser (`test_oidc_browser`), and the settings (`test_oidc_set_up`).
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from syncd.console import oidc
from syncd.console.ask import Role
from tests.console.oidc.door import Door, refused
from tests.console.oidc.provider import CLIENT, SECRET, key, public, signed
from tests.console.town import Town


def test_who_has_an_account_comes_in(door: Door, browser: httpx.Client) -> None:
    """The button leads to the provider and back to the page that was asked for, with syncd's own role."""
    assert 'href="/login/oidc?to=%2Fruns%3Fa%3D1">Continue with Example Roofing</a>' in browser.get(
        "/login", params={"to": "/runs?a=1"}
    ).text  # fmt: skip
    answer = door.walk(browser, "/runs?a=1")
    assert answer.status_code == 200 and answer.headers["refresh"] == "0;url=/runs?a=1"
    kept = [told.lower() for told in answer.headers.get_list("set-cookie")]
    assert [told for told in kept if told.startswith("syncd=") and "samesite=strict" in told and "httponly" in told]
    assert list(browser.cookies) == ["syncd"]
    visitor = door.console.doors.visitor(browser.cookies["syncd"])
    assert visitor is not None and (visitor.name, visitor.role) == ("vera@example.com", Role.VIEWER)
    assert browser.get("/runs").status_code == 200
    assert browser.get("/login/oidc").headers["location"] == "/"


def test_case_is_none_and_nobody_else_is_meant(door: Door, browser: httpx.Client) -> None:
    """An address in other letters is the same account; one without word of being verified is taken."""
    door.provider.person = {"email": "Ada@Example.COM"}
    assert door.walk(browser).status_code == 200
    visitor = door.console.doors.visitor(browser.cookies["syncd"])
    assert visitor is not None and (visitor.name, visitor.role) == ("ada@example.com", Role.ADMIN)


def test_nothing_is_there_that_is_not_set_up(town: Town) -> None:
    """Without the settings there is no button and no address."""
    stranger = town.stranger()
    assert "Continue with" not in stranger.get("/login").text
    assert stranger.get("/login/oidc").status_code == stranger.get("/login/oidc/back").status_code == 404


@pytest.mark.parametrize("name", ["mallory@example.com", "gone@example.com"])
def test_nobody_gets_an_account_by_it(door: Door, browser: httpx.Client, name: str) -> None:
    """Who has none, or whose has ended, is told whom to ask; nothing is made or opened again."""
    door.console.doors.invite("gone@example.com", Role.VIEWER)
    door.console.doors.shut_out("gone@example.com")
    before = door.console.doors.accounts()
    door.provider.person["email"] = name
    refused(browser, door.walk(browser), f"There is no account {name} here. Ask an admin of syncd")
    assert door.console.doors.accounts() == before


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another client"}, {"aud": []}, {"aud": [CLIENT, "another"]}, {"aud": [CLIENT, 1]}, {"aud": None},
        {"aud": [CLIENT, "another"], "azp": "another"}, {"azp": "another"}, {"azp": 7},
        {"iss": "https://evil.example"}, {"iss": None}, {"sub": None}, {"sub": 5},
        {"exp": 1}, {"exp": None}, {"exp": "soon"}, {"exp": float("inf")}, {"iat": None}, {"iat": 4_000_000_000},
        {"iat": []}, {"nbf": 4_000_000_000}, {"nonce": "another"}, {"nonce": None}, {"nonce": ["a"]},
        {"nonce": "é\ud800"},
    ],
    ids=repr,
)  # fmt: skip
def test_a_token_that_is_not_for_this_sign_in_proves_nothing(
    door: Door, browser: httpx.Client, claims: dict[str, Any]
) -> None:
    """Another audience, issuer, time or nonce, or none: rightly signed, and refused."""
    door.provider.claims.update(claims)
    refused(browser, door.walk(browser), "Example Roofing did not prove who you are. Please begin again.")


@pytest.mark.parametrize(("name", "off"), [("exp", -45), ("iat", 45), ("nbf", 45)])
def test_clocks_may_differ_a_little(door: Door, browser: httpx.Client, name: str, off: int) -> None:
    """Within a minute a token that is just over, or not yet good, is taken; beyond it is not."""
    door.provider.claims[name] = int(time.time()) + off
    assert door.walk(browser).status_code == 200
    browser.cookies.clear()
    door.provider.claims[name] = int(time.time()) + 2 * off
    refused(browser, door.walk(browser), "did not prove who you are")


@pytest.mark.parametrize(
    ("person", "told"),
    [
        ({}, "told no e-mail address"), ({"email": ""}, "told no e-mail address"), ({"email": 5}, "told no e-mail"),
        ({"email": "vera@example.com", "email_verified": False}, "has not verified your e-mail address"),
        ({"email": "vera@example.com", "email_verified": "false"}, "has not verified your e-mail address"),
        ({"email": "vera@example.com", "email_verified": 0}, "has not verified your e-mail address"),
        ({"email": "vera@example.com", "email_verified": []}, "has not verified your e-mail address"),
        ({"email": "ver\u0430@example.com"}, "no account here can have"),
        ({"email": "<script>alert(1)</script>@example.com"}, "no account here can have"),
        ({"email": "vera@example.com\u202e"}, "no account here can have"),
        ({"email": "v" * 10_000 + "@example.com"}, "no account here can have"),
        ({"email": " vera@example.com"}, "no account here can have"),
        ({"email": "vera@example.com\n"}, "no account here can have"),
    ],
    ids=lambda value: ascii(value)[-60:],
)  # fmt: skip
def test_an_address_must_be_verified_and_an_accounts_name(
    door: Door, browser: httpx.Client, person: dict[str, Any], told: str
) -> None:
    """No address, one that is not verified, and one that only looks like a name are each told, never shown."""
    door.provider.person = person
    answer = door.walk(browser)
    refused(browser, answer, told)
    assert "<script>alert" not in answer.text and len(answer.text) < 10_000


def test_an_address_may_be_told_apart(door: Door, browser: httpx.Client) -> None:
    """Where the ID token has none, the provider is asked for it, as the standard has it; else it is not."""
    door.provider.person, door.provider.apart = {}, {"email": "vera@example.com", "email_verified": True}
    assert door.walk(browser).status_code == 200
    visitor = door.console.doors.visitor(browser.cookies["syncd"])
    assert visitor is not None and visitor.name == "vera@example.com"
    browser.cookies.clear()
    door.provider.person, door.provider.apart["email"] = {"email": "vera@example.com"}, "ada@example.com"
    assert door.walk(browser).status_code == 200
    assert door.provider.heard["/me"] == 1


@pytest.mark.parametrize(
    ("apart", "told"),
    [
        ({"name": "Vera"}, "told no e-mail address"),
        ({"email": "vera@example.com", "email_verified": False}, "has not verified your e-mail address"),
        ({"email": "vera@example.com", "email_verified": "no"}, "has not verified your e-mail address"),
        ({"email": "vera@example.com", "sub": "another"}, "did not prove who you are"),
        ({"email": "vera@example.com", "sub": None}, "did not prove who you are"),
    ],
)
def test_an_address_told_apart_is_this_persons(
    door: Door, browser: httpx.Client, apart: dict[str, Any], told: str
) -> None:
    """Of somebody else, not verified, or none."""
    # What the token says of being verified is about no address.
    door.provider.person, door.provider.apart = {"email_verified": True}, apart
    refused(browser, door.walk(browser), told)


@pytest.mark.parametrize("address", ["", 5, "javascript:alert(1)", "http://example.com/me#a", "https://127.0.0.1/me"])
def test_where_a_person_is_told_of_must_be_an_address_if_it_is_needed(
    door: Door, browser: httpx.Client, address: object
) -> None:
    """One that nobody should go to is not gone to, and matters to nobody whose address is in the ID token."""
    door.provider.described["userinfo_endpoint"] = address
    assert door.walk(browser).status_code == 200
    browser.cookies.clear()
    door.provider.person, door.provider.apart = {}, {"email": "vera@example.com"}
    refused(browser, door.walk(browser), "cannot be used now", 502)


def test_no_letter_becomes_another_by_being_made_small(door: Door, browser: httpx.Client) -> None:
    """The sign for kelvin is k when it is made small; whoever has it in their address is not the one with the k."""
    door.console.doors.invite("kim@example.com", Role.ADMIN)
    door.provider.person["email"] = "\N{KELVIN SIGN}im@example.com"
    refused(browser, door.walk(browser), "no account here can have")


def test_every_kind_of_key_that_is_taken_is_taken(door: Door, browser: httpx.Client) -> None:
    """RSA with both paddings, and the elliptic curve."""
    for algorithm in oidc.ALGORITHMS:
        door.anew()
        kid = f"of {algorithm}"
        door.provider.keys = [{"kty": "oct", "k": "AAAA"}, public(kid, algorithm, key(kid, algorithm))]
        door.provider.token = partial(signed, kid=kid, algorithm=algorithm)
        assert door.walk(browser).status_code == 200
        browser.cookies.clear()


def _pem() -> bytes:
    return key("one").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _hs256(claims: dict[str, Any], secret: bytes) -> str:
    head = f"{_part({'alg': 'HS256', 'kid': 'one', 'typ': 'JWT'})}.{_part(claims)}"
    proof = base64.urlsafe_b64encode(hmac.digest(secret, head.encode(), "sha256")).rstrip(b"=").decode()
    return f"{head}.{proof}"


def _changed(claims: dict[str, Any]) -> str:
    head, _, proof = signed({**claims, "email": "mallory@example.com"}).split(".")
    return f"{head}.{_part(claims)}.{proof}"


FORGED: dict[str, Callable[[dict[str, Any]], str]] = {
    "none": lambda claims: jwt.encode(claims, None, "none", headers={"kid": "one"}),
    "none without a part": lambda claims: f"{_part({'alg': 'none'})}.{_part(claims)}.",
    "the public key as a secret": lambda claims: _hs256(claims, _pem()),
    "our secret": lambda claims: _hs256(claims, SECRET.encode()),
    "another key": lambda claims: jwt.encode(claims, key("stranger"), "RS256", headers={"kid": "one"}),
    "a key it brings": lambda claims: jwt.encode(
        claims, key("stranger"), "RS256", headers={"kid": "one", "jwk": public("one", "RS256", key("stranger"))}
    ),
    "an algorithm that was not told": lambda claims: jwt.encode(claims, key("one"), "RS512", headers={"kid": "one"}),
    "another kind of key": lambda claims: jwt.encode(claims, key("e", "ES256"), "ES256", headers={"kid": "one"}),
    "changed": _changed,
    "rubbish": lambda _claims: "rubbish",
    "nothing": lambda _claims: "",
    "dots": lambda _claims: "....",
    "no letters": lambda _claims: "\u202e.é.\u202e",
    "deep": lambda _claims: base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".e30.AA",
    "a number for a kid": lambda claims: f"{_part({'alg': 'RS256', 'kid': 7})}.{_part(claims)}.AA",
    "a list for an algorithm": lambda claims: f"{_part({'alg': ['RS256'], 'kid': 'one'})}.{_part(claims)}.AA",
    "no claims": lambda _claims: jwt.api_jws.encode(b"[1]", key("one"), "RS256", headers={"kid": "one"}),
    "deep claims": lambda _claims: jwt.api_jws.encode(b"[" * 100_000, key("one"), "RS256", headers={"kid": "one"}),
}


@pytest.mark.parametrize("way", FORGED)
def test_what_the_provider_did_not_sign_proves_nothing(door: Door, browser: httpx.Client, way: str) -> None:
    """No signature, one that anybody could make, one by another key, and what is no token at all."""
    door.provider.token = FORGED[way]
    refused(browser, door.walk(browser), "did not prove who you are")


@pytest.mark.parametrize(("told", "algorithm"), [(["RS256"], "PS256"), (["RS256", "RS512"], "RS512"), (None, "PS256")])
def test_only_what_was_told_is_taken(door: Door, browser: httpx.Client, told: list[str] | None, algorithm: str) -> None:
    """A right signature of a kind that the provider does not tell of, or that we never take, proves nothing."""
    door.provider.described["id_token_signing_alg_values_supported"] = told
    published = public("one", "RS256", key("one"))
    del published["alg"]
    door.provider.keys = [published]
    door.provider.token = partial(signed, algorithm=algorithm)
    refused(browser, door.walk(browser), "did not prove who you are")
    door.provider.token = signed
    assert door.walk(browser).status_code == 200


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_short_key_is_none(door: Door, browser: httpx.Client) -> None:
    """What is signed with a key of 1024 bits is not believed, though the provider publishes it."""
    short = key("short", bits=1024)
    door.provider.keys = [public("short", "RS256", short)]
    door.provider.token = lambda claims: jwt.encode(claims, short, "RS256", headers={"kid": "short"})
    refused(browser, door.walk(browser), "did not prove who you are")


def test_keys_may_change(door: Door, browser: httpx.Client) -> None:
    """A key of a name not met before is asked for once; one that stays unknown is refused, and nobody asks for ever."""
    for _ in range(2):
        assert door.walk(browser).status_code == 200
        browser.cookies.clear()
    assert door.provider.heard["/keys"] == 1
    door.provider.keys = [public("two", "RS256", key("two"))]
    door.provider.token = partial(signed, kid="two")
    assert door.walk(browser).status_code == 200
    assert door.provider.heard["/keys"] == 2
    browser.cookies.clear()
    door.provider.token = partial(signed, kid="three")
    refused(browser, door.walk(browser), "did not prove who you are")
    assert door.provider.heard["/keys"] == 3
    assert door.provider.heard["/.well-known/openid-configuration"] == 1
