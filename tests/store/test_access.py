"""Accounts, tokens, deeds and versions, on each database. What is not here: passwords (`tests/console`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from syncd.store.access import Account, Token
from syncd.store.retention import prune_deeds, prune_tokens
from syncd.store.store import Store
from tests.store.conftest import LATER, NOW, SECOND

JANE = Account(name="jane", role="admin", made_at=NOW)


def token(number: int, kind: str = "visit", account: str = "jane", **more: object) -> Token:
    """A token that lasts until LATER."""
    made = Token(digest=bytes([number]) * 32, kind=kind, account=account, label="x", made_at=NOW, seen_at=NOW,
                 ends_at=LATER)  # fmt: skip
    return replace(made, **more)


def test_an_account_is_kept_and_changed(store: Store) -> None:
    """What was put is got, a second put stands in its place, and single columns can be changed."""
    with store.begin() as tx:
        assert not tx.access.any()
        tx.access.put(JANE)
        tx.access.put(replace(JANE, role="viewer"))
        tx.access.change("jane", failures=3, locked_until=LATER)
    with store.read() as tx:
        assert tx.access.any()
        assert tx.access.all() == [replace(JANE, role="viewer", failures=3, locked_until=LATER)]
        assert tx.access.get("jane") == tx.access.all()[0]
        assert tx.access.get("joe") is None


def test_a_token_opens_what_it_is_for_and_while_it_lasts(store: Store) -> None:
    """Another kind, another digest, and the moment of its end open nothing."""
    with store.begin() as tx:
        tx.access.let_in(token(1))
        tx.access.let_in(token(2, "api"))
        found = tx.access.token(bytes([1]) * 32, "visit", NOW)
        assert found == token(1)
        assert tx.access.token(bytes([1]) * 32, "api", NOW) is None
        assert tx.access.token(bytes([3]) * 32, "visit", NOW) is None
        assert tx.access.token(bytes([1]) * 32, "visit", LATER) is None
        assert tx.access.visits(NOW) == {"jane": 1}
        tx.access.seen(bytes([1]) * 32, NOW + SECOND, LATER + SECOND)
        assert tx.access.token(bytes([1]) * 32, "visit", LATER) == token(
            1, seen_at=NOW + SECOND, ends_at=LATER + SECOND
        )


def test_tokens_end_one_by_one_and_together(store: Store) -> None:
    """One, all of some kinds but one, and those whose time is over; others stay."""
    with store.begin() as tx:
        for number in range(6):
            tx.access.let_in(token(number, "visit" if number < 4 else "api", "jane" if number else "joe"))
        assert (tx.access.end(bytes([1]) * 32), tx.access.end(bytes([1]) * 32)) == (1, 0)
        assert tx.access.end_all("jane", "visit", but=bytes([2]) * 32) == 1
        assert [one.digest[0] for one in tx.access.tokens("jane", "visit", NOW)] == [2]
        assert sorted(one.digest[0] for one in tx.access.tokens("jane", "api", NOW)) == [4, 5]
        assert tx.access.end_all("jane", "visit", "api") == 3
        assert prune_tokens(tx.connection, NOW, most=10) == 0
        assert prune_tokens(tx.connection, LATER, most=10) == 1


def test_only_the_newest_are_kept(store: Store) -> None:
    """Of one kind, where there are more than so many; they go in bites, and those that are over go like all others."""
    with store.begin() as tx:
        for number in range(6):
            tx.access.let_in(token(number, "oidc" if number < 5 else "visit", "", ends_at=NOW + number * SECOND))
        tx.access.keep_newest("oidc", 2)
        tx.access.keep_newest("oidc", 2)
        assert [one.digest[0] for one in tx.access.tokens("", "oidc", NOW)] in ([3, 4], [4, 3])
        assert tx.access.visits(NOW) == {"": 1}
        assert prune_tokens(tx.connection, NOW + 3 * SECOND, most=10) == 1


def test_deeds_are_listed_newest_first_and_go_when_they_are_old(store: Store) -> None:
    """Page after page by number; those from before a moment are let go."""
    with store.begin() as tx:
        for number in range(5):
            tx.deeds.add("jane", "conflict.take", f"c{number}", {"side": "left"}, NOW + timedelta(hours=number))
        first = tx.deeds.last(limit=2)
        assert [one.subject for one in first] == ["c4", "c3"]
        assert [one.subject for one in tx.deeds.last(before=first[-1].id, limit=2)] == ["c2", "c1"]
        assert first[0].detail == {"side": "left"} and first[0].account == "jane"
        assert prune_deeds(tx.connection, NOW + timedelta(hours=3), most=2) == 2
        assert prune_deeds(tx.connection, NOW + timedelta(hours=3), most=2) == 1
        assert [one.subject for one in tx.deeds.last()] == ["c4", "c3"]


def test_versions_of_a_map_are_kept(store: Store) -> None:
    """Each with who, when and why; the newest first; another map has its own."""
    with store.begin() as tx:
        numbers = [tx.versions.add("sales/deals", "jane", f"why {n}", f"text {n}", NOW) for n in range(3)]
        tx.versions.add("sales/contacts", "joe", "other", "text", NOW)
        assert [one.id for one in tx.versions.of("sales/deals")] == numbers[::-1]
        assert [one.id for one in tx.versions.of("sales/deals", limit=1)] == numbers[-1:]
        found = tx.versions.get(numbers[1])
        assert found is not None and (found.account, found.reason, found.text) == ("jane", "why 1", "text 1")
        assert tx.versions.get(999) is None
