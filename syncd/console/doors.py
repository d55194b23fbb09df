"""Who may come in: passwords, sign-ins, one-time links and programs' tokens, kept as digests; wrong passwords wait.

What is not here: HTTP (`site`), and the tables (`store.access`).
"""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from syncd.config import ConsoleConfig
from syncd.console.ask import Role, Visitor
from syncd.errors import ConfigError, Problem
from syncd.store.access import Account, Token
from syncd.store.store import Store, Tx

NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
LONGEST_NAME = 65
"""Letters of a name that are looked at: no account has as many."""

SHORTEST, LONGEST = 12, 256
"""Letters of a password."""

FREE = 5
"""Wrong passwords before the waiting begins; then it doubles from a second on."""

WAIT_MOST = timedelta(minutes=5)
INVITE_LASTS = timedelta(hours=48)
SEEN_EVERY = timedelta(minutes=1)
"""A sign-in that is used is noted no oftener."""

UNKNOWN = 1000
"""Names of nobody whose wrong passwords are kept in mind."""

AT_ONCE = 2
"""Passwords that are looked at together: each takes tens of megabytes."""

_LOOKING = threading.BoundedSemaphore(AT_ONCE)
"""Of the whole process, however many doors it has."""


class Locked(Exception):
    """No password is looked at now; the sentence says for how long."""


@dataclass(slots=True)
class Doors:
    """Of one store. `hasher`: argon2id with the library's careful defaults; tests take a quicker one."""

    store: Store
    clock: Callable[[], datetime]
    config: ConsoleConfig
    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    _unknown: OrderedDict[str, Account] = field(default_factory=OrderedDict)
    _known_to_nobody: str = ""

    def sign_in(self, name: str, password: str, *, instead_of: str | None = None) -> str | None:
        """The secret of a new sign-in; None if name or password is wrong. Raises Locked.

        `instead_of`: the secret of the browser's last one, which ends.
        """
        name = name.strip().lower()[:LONGEST_NAME]
        if not self._proved(name, password):
            return None
        with self.store.begin() as tx:
            if instead_of is not None:
                tx.access.end(digest(instead_of))
            return self._visit(tx, name)

    def vouched(self, name: str) -> str | None:
        """The secret of a new sign-in for somebody whom another has proved; None if no account lets that name in."""
        with self.store.begin() as tx:
            account = tx.access.get(name)
            return self._visit(tx, name) if account is not None and account.ended_at is None else None

    def visitor(self, secret: str) -> Visitor | None:
        """Who is signed in with this secret; None if nobody is any more."""
        return self._known(secret, "visit")

    def program(self, secret: str) -> Visitor | None:
        """The program whose token this is."""
        return self._known(secret, "api")

    def sign_out(self, visitor: Visitor) -> None:
        """End this sign-in."""
        with self.store.begin() as tx:
            tx.access.end(visitor.visit)

    def invite(self, name: str, role: Role | None = None) -> str:
        """The secret of a one-time link with which somebody chooses a password; earlier links and sign-ins end.

        `role`: of a new account; needed if there is none of this name, and taken for one that is.
        Raises ConfigError, also where nobody would be an admin any more.
        """
        name, now = _named(name), self.clock()
        with self.store.begin() as tx:
            known = tx.access.get(name)
            if known is None and role is None:
                raise ConfigError(Problem(f"account {name}", "there is none.", "Say which role it is to have."))
            if known is not None and role not in (None, Role.ADMIN):
                _must_leave_an_admin(tx, name)
            made = known or Account(name=name, role=str(role), made_at=now)
            tx.access.put(replace(made, role=str(role or made.role), failures=0, locked_until=None, ended_at=None))
            tx.access.end_all(name, "invite", "visit")
            return self._let_in(tx, name, "invite", "", now, INVITE_LASTS)

    def invited(self, secret: str) -> str | None:
        """Whose one-time link this is; None if it was used, or is too old."""
        with self.store.read() as tx:
            token = tx.access.token(digest(secret), "invite", self.clock())
        return token.account if token is not None else None

    def choose(self, secret: str, password: str) -> str | None:
        """Choose a password by a one-time link: the secret of a new sign-in; None for a link that is over."""
        name = self.invited(secret)
        if name is None:
            return None
        _must_do(password, name)
        proof = self._proof(password)
        with self.store.begin() as tx:
            if not tx.access.end(digest(secret)):
                return None
            tx.access.change(name, secret=proof, failures=0, locked_until=None)
            tx.access.end_all(name, "visit")
            return self._visit(tx, name)

    def change_password(self, visitor: Visitor, old: str, new: str) -> bool:
        """Another password, and no other sign-in; False if the old one is wrong. Raises Locked, ConfigError."""
        if not self._proved(visitor.name, old):
            return False
        _must_do(new, visitor.name)
        proof = self._proof(new)
        with self.store.begin() as tx:
            tx.access.change(visitor.name, secret=proof)
            tx.access.end_all(visitor.name, "visit", but=visitor.visit)
        return True

    def give_token(self, name: str, label: str, lasts: timedelta) -> str:
        """A secret with which a program acts as this account. Raises ConfigError."""
        now = self.clock()
        with self.store.begin() as tx:
            return self._let_in(tx, _existing(tx, name).name, "api", label[:200], now, lasts)

    def accounts(self) -> list[dict[str, Any]]:
        """Every account as people and scripts read it."""
        now = self.clock()
        with self.store.read() as tx:
            signed_in = tx.access.visits(now)
            return [
                {
                    "name": one.name, "role": one.role, "state": _state(one, now), "made": one.made_at.isoformat(),
                    "signed_in": signed_in.get(one.name, 0),
                }
                for one in tx.access.all()
            ]  # fmt: skip

    def give_role(self, name: str, role: Role) -> None:
        """Another role, at once. Raises ConfigError, also where nobody would be an admin any more."""
        with self.store.begin() as tx:
            account = _existing(tx, name)
            if role is not Role.ADMIN:
                _must_leave_an_admin(tx, account.name)
            tx.access.change(account.name, role=str(role))

    def shut_out(self, name: str) -> None:
        """Let an account in no longer. Raises ConfigError, also for the last admin."""
        with self.store.begin() as tx:
            account = _existing(tx, name)
            _must_leave_an_admin(tx, account.name)
            tx.access.change(account.name, ended_at=self.clock())
            tx.access.end_all(account.name, "visit", "invite", "api")

    def _known(self, secret: str, kind: str) -> Visitor | None:
        now, key = self.clock(), digest(secret)
        with self.store.read() as tx:
            token = tx.access.token(key, kind, now)
            account = tx.access.get(token.account) if token is not None else None
        if token is None or account is None or account.ended_at is not None:
            return None
        if now - token.seen_at >= SEEN_EVERY:
            ends = token.ends_at
            if kind == "visit":
                ends = min(now + self.config.idle, token.made_at + self.config.longest)
            with self.store.begin() as tx:
                tx.access.seen(key, now, ends)
        csrf = token.label if kind == "visit" else ""
        return Visitor(name=account.name, role=Role.of(account.role), visit=key, csrf=csrf)

    def _proved(self, name: str, password: str) -> bool:
        """Whether that is the password; a wrong one is counted. Raises Locked."""
        with _LOOKING:  # from the look at the lock to the count: whoever tries many at once is counted for each
            now = self.clock()
            account = self._account(name, now)
            if account.locked_until is not None and account.locked_until > now:
                wait = (account.locked_until - now).total_seconds()
                raise Locked(f"Too many wrong passwords. Wait {max(1.0, wait):.0f} s, then try again.")
            if not self._right(account, password):
                self._wrong(name, now)
                return False
        if account.failures:
            with self.store.begin() as tx:
                tx.access.change(name, failures=0, locked_until=None)
        return True

    def _account(self, name: str, now: datetime) -> Account:
        """Whose name this is; of nobody's what is kept in mind of it, so that an answer tells no names."""
        with self.store.read() as tx:
            known = tx.access.get(name)
        if known is not None:
            return known
        return self._unknown.get(name) or Account(name=name, role="", made_at=now)

    def _right(self, account: Account, password: str) -> bool:
        proof = account.secret or self._nobody()
        if len(password) > LONGEST:
            return False
        try:
            right = self.hasher.verify(proof, password)
        except (VerificationError, InvalidHashError):
            return False
        return right and account.secret is not None and account.ended_at is None

    def _wrong(self, name: str, now: datetime) -> None:
        with self.store.begin() as tx:
            # As it stands now: another wrong one may have been counted since this one was looked at.
            account = tx.access.get(name)
            if account is not None:
                failures, until = _once_more(account, now)
                tx.access.change(name, failures=failures, locked_until=until)
                return
        account = self._unknown.get(name) or Account(name=name, role="", made_at=now)
        failures, until = _once_more(account, now)
        self._unknown[name] = replace(account, failures=failures, locked_until=until)
        while len(self._unknown) > UNKNOWN:
            self._unknown.popitem(last=False)

    def _nobody(self) -> str:
        """The proof of a password that nobody knows: a name of nobody takes as long as one of somebody."""
        if not self._known_to_nobody:
            self._known_to_nobody = self.hasher.hash(secrets.token_urlsafe())
        return self._known_to_nobody

    def _proof(self, password: str) -> str:
        with _LOOKING:
            return self.hasher.hash(password)

    def _visit(self, tx: Tx, name: str) -> str:
        return self._let_in(tx, name, "visit", secrets.token_urlsafe(24), self.clock(), self.config.idle)

    def _let_in(self, tx: Tx, name: str, kind: str, label: str, now: datetime, lasts: timedelta) -> str:
        secret = secrets.token_urlsafe(32)
        tx.access.let_in(
            Token(
                digest=digest(secret), kind=kind, account=name, label=label, made_at=now, seen_at=now,
                ends_at=now + lasts,
            )
        )  # fmt: skip
        return secret


def digest(secret: str) -> bytes:
    """What is kept of a secret: it is long and random, so a quick digest tells nothing of it."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _once_more(account: Account, now: datetime) -> tuple[int, datetime | None]:
    """How many wrong passwords it has been with one more, and until when none is looked at."""
    failures = account.failures + 1
    wait = min(timedelta(seconds=2.0 ** min(failures - FREE, 20)), WAIT_MOST)
    return failures, now + wait if failures >= FREE else None


def _existing(tx: Tx, name: str) -> Account:
    found = tx.access.get(name.strip().lower())
    if found is None or found.ended_at is not None:
        raise ConfigError(Problem(f"account {name[:80]}", "there is none.", "`syncd user list` shows them."))
    return found


def _must_leave_an_admin(tx: Tx, name: str) -> None:
    admins = {one.name for one in tx.access.all() if one.role == str(Role.ADMIN) and one.ended_at is None}
    if admins == {name}:
        remedy = "Make another one first: syncd user invite NAME --role admin."
        raise ConfigError(Problem(f"account {name}", "is the last admin.", remedy))


def _state(account: Account, now: datetime) -> str:
    if account.ended_at is not None:
        return "ended"
    if account.secret is None:
        return "invited"
    return "locked" if account.locked_until is not None and account.locked_until > now else "active"


def _named(name: str) -> str:
    found = name.strip().lower()
    if not NAME.fullmatch(found):
        remedy = "Letters, digits and . _ @ + -, at most 64: jane, or jane@example.com."
        raise ConfigError(Problem(f"account {name[:80]!r}", "is no name for an account.", remedy))
    return found


def _must_do(password: str, name: str) -> None:
    if not SHORTEST <= len(password) <= LONGEST:
        told = f"has {len(password)} letters; it needs {SHORTEST} to {LONGEST}."
        raise ConfigError(Problem("the password", told, "Several words with spaces are easy to remember."))
    if name.partition("@")[0] in password.lower() and len(name.partition("@")[0]) > 3:
        raise ConfigError(Problem("the password", "holds your name.", "Take words that nobody connects with you."))
    if len(set(password)) < 5:
        raise ConfigError(Problem("the password", "repeats a few letters.", "Take several words with spaces."))
