"""The one door to a vendor: HTTP with time-outs, limits, retries, the vendor's clock, and errors by remedy.

What is not here: what an answer means to a vendor (its connector hands in `explain`), and paging.
"""

from __future__ import annotations

import functools
import ipaddress
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import orjson
import stamina

from syncd.errors import Ambiguous, ConfigError, Problem, Refused, SyncdError, Transient
from syncd.kit import traffic
from syncd.kit.answers import Explain, correlation_id, decoded, default_error, retry_after, sentence
from syncd.kit.connector import Timing
from syncd.kit.limits import Limit, Rates, credential_key, parse_rates, shared_limit, sustained
from syncd.kit.vendorclock import VendorClock

__all__ = [
    "Answer",
    "Explain",
    "Http",
    "Limit",
    "NoAnswer",
    "Rates",
    "correlation_id",
    "credential_key",
    "parse_rates",
    "retry_after",
    "sentence",
    "shared_limit",
    "sustained",
]

_IDLE_SECONDS = 4.0
"""How long an idle connection is kept: below the shortest keep-alive of common servers, so that a create is not sent
into a connection that the vendor is just closing."""

_CONNECT_SECONDS = 10.0

_UNREACHABLE_SECONDS = 10.0
"""How long an address where nobody answers is tried: a person who waits is told, and the daemon comes back anyway."""

_FIRST_WAIT = 0.2
"""Seconds before a request is sent again; less for who is patient for a few seconds only."""

_NOBODY_THERE = (httpx.ConnectError, httpx.ConnectTimeout)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)

_TOLD_TO_WAIT = frozenset({429, 423})

_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's codes for a certificate whose authority is none of the trusted ones; other codes are its own faults."""


class NoAnswer(Transient):
    """No connection, or one that broke before the answer; an error that a vendor answers with is none of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A 2xx answer: its parsed JSON (None when empty) or its text, headers (any case), address without secrets.

    `sent_at` is the vendor's clock when the question was sent, never later than it really was.
    """

    status: int
    body: Any
    headers: Mapping[str, str]
    url: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class _Call:
    """One request as a value, so that every attempt sends the same."""

    method: str
    path: str
    params: Any
    content: bytes | None
    headers: Mapping[str, str]
    idempotent: bool
    where: str
    secrets: tuple[str, ...] = ()
    text: bool = False


Budget = Callable[[Mapping[str, str]], tuple[int, int] | None]
"""What the headers of an answer say of the day's requests: how many are left, and of how many; None: nothing."""


class Http:
    """A vendor's base address with our credential. One per connector, shared by all its threads."""

    def __init__(
        self,
        system: str,
        base_url: str,
        headers: Mapping[str, str],
        limits: Mapping[str, Limit],
        explain: Explain,
        timing: Timing,
        ca_file: str | None = None,
        budget: Budget = lambda _headers: None,
    ) -> None:
        """Open nothing yet. `headers` carry the credential.

        ConfigError for http:// to anything but loopback, and for a `ca_file` that holds no certificate.
        """
        local = _check_scheme(system, base_url)
        self._system, self._limits, self._explain, self._timing = system, limits, explain, timing
        self._secrets = tuple({word for value in headers.values() for word in (value, *value.split()) if len(word) > 7})
        self._clock, self._ca_file, self._budget = VendorClock(), ca_file, budget
        seconds = timing.timeout.total_seconds()
        self._client = httpx.Client(
            base_url=base_url,
            headers={"accept": "application/json", "user-agent": "syncd", **headers},
            timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
            limits=httpx.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=_IDLE_SECONDS),
            verify=_trust(system, ca_file),
            follow_redirects=False,
            trust_env=not local,
        )

    def now(self) -> datetime:
        """The vendor's clock: our monotonic clock, set by the `Date` headers heard; never ahead of the vendor's."""
        return self._clock.now()

    def close(self) -> None:
        """Give the sockets back."""
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        limit: str = "default",
        idempotent: bool = True,
        text: bool = False,
    ) -> Answer:
        """Send, and give the 2xx answer; every other end is a SyncdError.

        `params` as httpx takes them, `json` any orjson value or `form` fields for the body, `headers` of this request
        beside those of all, `limit` the name of one of the limits handed in, `text` whether the answer is a text and no
        JSON. No error tells an `authorization` of `headers`, nor a value of `form`.
        Idempotent requests are repeated on trouble for `timing.retry_for`, then Transient. Others are repeated only
        when they surely were not carried out (no connection, 429, 423); a lost or unreadable answer, a redirect and any
        5xx raises Ambiguous. Within `at_once` these are not repeated at all: what was looked at may have moved since.
        """
        content, kind = _body(json, form)
        sent = {**({"content-type": kind} if kind else {}), **(headers or {})}
        told = [*sent.get("authorization", "").split(), *(form or {}).values()]
        secrets = tuple(word for word in told if len(word) > 7)
        where = f"{self._system}: {method} {path}"
        call = _Call(method, path, params, content, sent, idempotent, where, secrets, text)
        if not idempotent and self._limits and self._limits[limit].in_turns:
            return self._named(call, limit)
        for attempt in self._attempts():
            with attempt:
                return self._named(call, limit)
        raise AssertionError("stamina ends a retry by returning or raising")

    def _attempts(self) -> Iterable[stamina.Attempt]:
        began, patience = time.monotonic(), self._timing.retry_for.total_seconds()
        first = min(_FIRST_WAIT, patience / 50)
        return stamina.retry_context(
            on=lambda error: _again(error, began, patience),
            attempts=None,
            timeout=max(0.001, patience),
            wait_initial=first,
            wait_max=5.0,
            wait_jitter=2.5 * first,
        )

    @contextmanager
    def at_once(self, requests: int) -> Iterator[None]:
        """Let this thread's next so many requests go without a wait between them: a look, and the write upon it.

        Should there be one all the same (the vendor told somebody to wait, a second look was repeated), the write
        raises Transient, and nothing is sent.
        """
        bucket = self._limits["default"] if self._limits else None
        with bucket.turns(requests, self._timing.retry_for.total_seconds()) if bucket else nullcontext():
            yield

    def _named(self, call: _Call, limit: str) -> Answer:
        """Once; an error says whose it is."""
        try:
            return self._once(call, limit)
        except SyncdError as error:
            error.system = self._system
            raise

    def _once(self, call: _Call, limit: str) -> Answer:
        bucket = self._limits[limit] if self._limits else None
        patience = self._timing.retry_for.total_seconds()
        answered = traffic.NONE
        with bucket.slot(patience, write=not call.idempotent) if bucket else nullcontext():
            try:
                response, raw, sent = self._exchange(call)
                answered = str(response.status_code)
                if (told := self._budget(response.headers)) is not None:
                    traffic.told(self._system, *told)
            finally:
                traffic.sent(self._system, answered)
        if bucket and response.is_success:
            bucket.answered(sent, time.monotonic())
        if response.is_success:
            return Answer(
                status=response.status_code,
                body=_parsed(call, raw),
                headers=response.headers,
                url=str(response.url).partition("?")[0],
                sent_at=self._clock.at(sent),
            )
        error = self._error(call, response, raw)
        if bucket and response.status_code in _TOLD_TO_WAIT and isinstance(error, Transient):
            _slow_down(bucket, response, error)
        raise error

    def _exchange(self, call: _Call) -> tuple[httpx.Response, bytes, float]:
        """One request on the wire: the response, its whole body, and when it was sent (monotonic)."""
        with _network_errors(call, self._ca_file):
            request = self._client.build_request(
                call.method, call.path, params=call.params, content=call.content, headers=call.headers
            )
            sent = time.monotonic()
            response = self._client.send(request, stream=True)
            try:
                self._clock.learn(response.headers.get("date"), sent, time.monotonic())
                body = self._whole_body(response, request, sent)
            finally:
                response.close()
        return response, body, sent

    def _whole_body(self, response: httpx.Response, request: httpx.Request, sent: float) -> bytes:
        """The body, within the total time-out: httpx's own one starts again with every piece that arrives."""
        until = sent + self._timing.timeout.total_seconds()
        pieces = bytearray()
        for piece in response.iter_bytes():
            pieces += piece
            if time.monotonic() > until:
                raise httpx.ReadTimeout("the answer took too long in all", request=request)
        return bytes(pieces)

    def _error(self, call: _Call, response: httpx.Response, raw: bytes) -> SyncdError:
        body = decoded(self._scrub(raw.decode("utf-8", errors="replace"), call.secrets))
        status, headers = response.status_code, response.headers
        error = self._explain(status, headers, body) or default_error(status, headers, body, where=call.where)
        lost = status >= 500 or status == 408 or status < 400  # who redirects a write does not say what became of it
        if lost and not call.idempotent and isinstance(error, Transient):
            return Ambiguous(f"{error} The write may have been carried out.")
        return error

    def _scrub(self, text: str, more: tuple[str, ...]) -> str:
        """The text without our credential, should a vendor echo it."""
        for secret in (*self._secrets, *more):
            text = text.replace(secret, "[secret]")
        return text


def _body(json: Any, form: Mapping[str, str] | None) -> tuple[bytes | None, str | None]:
    """What is sent, and its kind."""
    if form is not None:
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    return (None, None) if json is None else (orjson.dumps(json), "application/json")


def _parsed(call: _Call, raw: bytes) -> Any:
    """The JSON of a 2xx body; a page of HTML or half a document is trouble, never an empty answer."""
    if not raw.strip() and not call.text:
        return None
    try:
        return raw.decode("utf-8-sig") if call.text else orjson.loads(raw)
    except ValueError:
        words = f"{call.where} answered with something that is not {'UTF-8' if call.text else 'JSON'}."
        raise (Transient(words) if call.idempotent else Ambiguous(words)) from None


@contextmanager
def _network_errors(call: _Call, ca_file: str | None) -> Iterator[None]:
    """Turn httpx's errors into ours; whether a request was sent decides between Transient and Ambiguous."""
    try:
        yield
    except _NOT_SENT as error:
        host, distrust = error.request.url.host, _distrust(error)
        if distrust is not None:
            raise NoAnswer(f"{call.where}: no connection to {host}: {_untrusted(distrust, ca_file)}") from error
        doubt = "; is this machine online, and the address right?" if isinstance(error, _NOBODY_THERE) else "."
        raise NoAnswer(f"{call.where}: no connection to {host} ({type(error).__name__}){doubt}") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        words = f"{call.where}: the answer was lost ({type(error).__name__})."
        raise (NoAnswer(words) if call.idempotent else Ambiguous(words)) from error
    except httpx.InvalidURL as error:
        raise Refused(f"{call.method} {call.path!r} cannot be asked: {error}.") from error


def _distrust(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Why a certificate was not taken, if that is what kept us from connecting."""
    below: BaseException | None = error
    while below is not None and not isinstance(below, ssl.SSLCertVerificationError):
        below = below.__cause__ or below.__context__
    return below


def _untrusted(error: ssl.SSLCertVerificationError, ca_file: str | None) -> str:
    """By whom a certificate is not trusted, why, and what to do where only its authority is unknown."""
    whom = f"the authorities in {ca_file}" if ca_file else "this machine's authorities"
    words = f"its certificate is not trusted by {whom} ({error.verify_message.rstrip('.')})."
    if error.verify_code not in _UNKNOWN_AUTHORITY:
        return words
    where = "Name the file of its authority in `ca_file`"
    return f"{words} {where}{', or leave that out.' if ca_file else ', if you trust it.'}"


def _again(error: Exception, began: float, retry_for: float) -> bool | float:
    """Stamina's question: whether to try again, and after how many seconds if the vendor told."""
    if not isinstance(error, Transient):
        return False
    passed = time.monotonic() - began
    if isinstance(error.__cause__, _NOBODY_THERE):
        return passed < _UNREACHABLE_SECONDS
    if error.retry_after is None:
        return True
    return error.retry_after if passed + error.retry_after <= retry_for else False


def _slow_down(limit: Limit, response: httpx.Response, error: Transient) -> None:
    if error.retry_after is not None:
        limit.pause(error.retry_after)
    if response.status_code == 429 and retry_after(response.headers) is None:
        limit.halve()


def _trust(system: str, ca_file: str | None) -> ssl.SSLContext:
    """Whom to believe: the machine's authorities, or only those of the file."""
    try:
        return ssl.create_default_context(cafile=ca_file) if ca_file else authorities()
    except OSError as error:
        remedy = "Name a file of certificates in PEM form, or leave `ca_file` out."
        told = Problem(f"systems.{system}.ca_file", f"{ca_file} holds no certificate: {error}.", remedy)
        raise ConfigError(told) from error


@functools.cache
def authorities() -> ssl.SSLContext:
    """The machine's; read once, since that takes long."""
    return ssl.create_default_context()


def _check_scheme(system: str, base_url: str) -> bool:
    """Whether the address is on this machine; ConfigError where a credential would travel in clear."""
    parts = urlsplit(base_url)
    local = is_loopback(parts.hostname or "")
    if not parts.hostname or parts.scheme not in ("http", "https"):
        remedy = "Write https://HOST, or leave `base_url` out."
        raise ConfigError(Problem(f"systems.{system}.base_url", f"{base_url!r} is not a web address.", remedy))
    if parts.scheme == "http" and not local:
        raise ConfigError(
            Problem(f"systems.{system}.base_url", "http:// is accepted only for this machine.", "Use https://.")
        )
    return local


def is_loopback(host: str) -> bool:
    """Whether a host's name means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
