"""Who may use the console and the API: accounts, and the secrets that let somebody in, kept only as digests.

What is not here: passwords and roles (`syncd.console`), and what was done (`deeds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from syncd.store.sql import upsert
from syncd.store.tables import accounts, tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person, or a program. `secret`: what proves the password, None before one was chosen.

    `failures`: wrong passwords since the last right one; none is looked at before `locked_until`. `ended_at`: may no
    longer come in.
    """

    name: str
    role: str
    made_at: datetime
    secret: str | None = None
    failures: int = 0
    locked_until: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A secret's digest.

    `kind`: `visit` (a signed-in browser), `invite` (a one-time link), `api` (a program's) or `oidc` (somebody who was
    sent to another's sign-in and is not back yet; of no account). `label`: of a program's, what its owner calls it; of
    a visit, what its forms carry; of an `oidc`, what the answer has to fit.
    """

    digest: bytes
    kind: str
    account: str
    label: str
    made_at: datetime
    seen_at: datetime
    ends_at: datetime


class Access:
    """Accounts by name, tokens by digest."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def any(self) -> bool:
        """Whether there is an account."""
        return self.connection.execute(select(accounts.c.name).limit(1)).first() is not None

    def all(self) -> list[Account]:
        """Every account, by name."""
        return [_account(row) for row in self.connection.execute(select(accounts).order_by(accounts.c.name))]

    def get(self, name: str) -> Account | None:
        """One account."""
        row = self.connection.execute(select(accounts).where(accounts.c.name == name)).one_or_none()
        return _account(row) if row is not None else None

    def put(self, account: Account) -> None:
        """Make an account, or store it as it is now."""
        upsert(self.connection, accounts, [asdict(account)])

    def change(self, name: str, **values: Any) -> None:
        """Change columns of an account."""
        self.connection.execute(update(accounts).where(accounts.c.name == name).values(**values))

    def let_in(self, token: Token) -> None:
        """Keep a new token."""
        self.connection.execute(tokens.insert(), [asdict(token)])

    def token(self, digest: bytes, kind: str, now: datetime) -> Token | None:
        """A token of this kind that still lasts."""
        query = select(tokens).where(tokens.c.digest == digest, tokens.c.kind == kind, tokens.c.ends_at > now)
        row = self.connection.execute(query).one_or_none()
        return Token(**row._mapping) if row is not None else None

    def tokens(self, account: str, kind: str, now: datetime) -> list[Token]:
        """The tokens of an account that still last, the newest first."""
        query = select(tokens).where(tokens.c.account == account, tokens.c.kind == kind, tokens.c.ends_at > now)
        return [Token(**row._mapping) for row in self.connection.execute(query.order_by(tokens.c.made_at.desc()))]

    def seen(self, digest: bytes, now: datetime, ends_at: datetime) -> None:
        """Note that a token was used, and how long it lasts now."""
        self.connection.execute(update(tokens).where(tokens.c.digest == digest).values(seen_at=now, ends_at=ends_at))

    def end(self, digest: bytes) -> int:
        """Let a token open nothing any more; whether it did."""
        return self.connection.execute(delete(tokens).where(tokens.c.digest == digest)).rowcount

    def keep_newest(self, kind: str, most: int) -> None:
        """End the oldest of those tokens of a kind that all last equally long, where there are more than so many."""
        of_kind = select(tokens.c.digest).where(tokens.c.kind == kind).order_by(tokens.c.ends_at.desc())
        oldest = self.connection.execute(of_kind.offset(most).limit(100)).scalars().all()
        if oldest:
            self.connection.execute(delete(tokens).where(tokens.c.digest.in_(oldest)))

    def end_all(self, account: str, *kinds: str, but: bytes | None = None) -> int:
        """End an account's tokens of these kinds, but for one; how many."""
        query = delete(tokens).where(tokens.c.account == account, tokens.c.kind.in_(kinds))
        return self.connection.execute(query.where(tokens.c.digest != but) if but is not None else query).rowcount

    def visits(self, now: datetime) -> Mapping[str, int]:
        """How many browsers each account is signed in with."""
        query = select(tokens.c.account, func.count()).where(tokens.c.kind == "visit", tokens.c.ends_at > now)
        return {row[0]: row[1] for row in self.connection.execute(query.group_by(tokens.c.account))}


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(**row._mapping)
