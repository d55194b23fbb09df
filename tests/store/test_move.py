"""A store is carried over whole, both ways, however often it is interrupted. Not here: real daemons on it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from syncd.core.model import Record, Ref, Side
from syncd.errors import ConfigError
from syncd.store import move as moving
from syncd.store import schema
from syncd.store.access import Account, Token
from syncd.store.feeds import FeedState
from syncd.store.move import check, give_up, move
from syncd.store.parities import Parity
from syncd.store.runs import MOVED, SystemState
from syncd.store.snapshots import Snapshot
from syncd.store.store import Store
from syncd.store.tables import metadata, turns
from tests import postgres
from tests.store.conftest import LATER, NOW
from tests.store.test_no_scans import INTENT, LOST

WAYS = {"to postgresql": ("file", "server"), "to a file": ("server", "file"), "to another file": ("file", "other")}


def address(kind: str, folder: Path) -> str:
    """A database of this kind that holds nothing."""
    return postgres.blank() if kind == "server" else f"sqlite:///{folder / f'{kind}.db'}"


@contextmanager
def both(way: str, folder: Path) -> Iterator[tuple[Store, Store]]:
    """A full store, and an empty one to move into."""
    here, there = (address(kind, folder) for kind in WAYS[way])
    with closing(Store(here)) as source, closing(Store(there)) as target:
        schema.upgrade(source)
        fill(source, 30)
        yield source, target


def fill(store: Store, count: int) -> None:
    """Something in each table."""
    with store.begin() as tx:
        for n in range(count):
            ref = Ref("crm", "contacts", f"é{n}")
            record = Record(ref=ref, fields={"name": f"Zoë {n}", "none": None}, created_at=NOW, modified_at=NOW)
            tx.snapshots.put([Snapshot(record, {"name": f"Zoë {n}", "list": ("a", "b")})])
            tx.snapshots.rekey("m", Side.LEFT, {ref.id: [f"key {n}"]})
            link = tx.links.make("m", ref.id, f"r{n}", NOW)
            tx.links.save([link], ["name"])
            tx.marks.add("m", Side.LEFT, [f"M{n}"], NOW)
            (intent,) = tx.journal.open([{**INTENT, "link": link.id, "source_id": ref.id}])
            tx.journal.claim({intent: [f"claim {n}"]}, "field", "contacts")
            tx.conflicts.ask({**LOST, "link": link.id, "state": "open", "left_id": ref.id})
            tx.refusals.add("m", f"l{n}", f"r{n}", NOW)
            tx.paused.add("crm", "contacts", ref.id, NOW)
        tx.aliases.put("crm", "contacts", {"1": "2"})
        tx.feeds.move(FeedState("crm", "contacts", {"at": 1}, NOW, True, NOW))
        tx.pair_leases.take("sales", now=NOW, until=NOW, fence=1)
        tx.access.put(Account(name="jane", role="admin", made_at=NOW))
        tx.access.let_in(
            Token(digest=b"x" * 32, kind="visit", account="jane", label="", made_at=NOW, seen_at=NOW, ends_at=LATER)
        )
        tx.deeds.add("jane", "conflict.take", "conflict 1", {"side": "left"}, NOW)
        tx.versions.add("m", "jane", "é", "version: 1\n", NOW)
        tx.tallies.add({("sales", NOW, "written"): 3})
        run = tx.runs.start("sales", "live", "digest", NOW)
        tx.runs.end(run, "done", {"create:written": 1}, NOW)
        tx.runs.set_system(SystemState("crm", "ok", None, NOW))
        tx.runs.next_fence()
        tx.parities.put([Parity(map="m", rule="", whole=True, compared=1, classes={}, began_at=NOW, at=NOW)])


def content(store: Store) -> dict[str, set[str]]:
    """Every row of every table, decoded; not what tells of a move."""
    with store.read() as tx:
        return {
            table.name: {
                repr(tuple(row))
                for row in tx.connection.execute(select(table))
                if not (table.name == "facts" and row.name.startswith("move:"))
            }
            for table in metadata.sorted_tables
            if table is not turns
        }


@pytest.mark.parametrize("way", WAYS)
def test_everything_is_carried_over(way: str, tmp_path: Path) -> None:
    """Each table holds the same rows; new ones are numbered behind them; the old store is refused from then on."""
    with both(way, tmp_path) as (source, target):
        before = content(source)
        assert not [name for name, rows in before.items() if not rows and name not in ("alerts", "rulesets")]
        found = move(source, target, LATER, lambda _: None)
        assert content(target) == before
        assert {name: len(rows) for name, rows in before.items()} == found
        check(target)
        with pytest.raises(ConfigError, match="was moved to"):
            check(source)
        fill_one_more(target)


def fill_one_more(store: Store) -> None:
    """A link, a write and a run get numbers of their own."""
    with store.begin() as tx:
        known = {link.id for link in tx.links.all("m")}
        assert tx.links.make("m", "new", "new", NOW).id not in known
        tx.journal.open([INTENT])
        tx.runs.start("sales", "live", "digest", NOW)


@pytest.mark.parametrize("way", ["to postgresql", "to a file"])
@pytest.mark.parametrize("seed", range(3))
def test_interrupted_anywhere_it_goes_on(way: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in any transaction, again and again, it ends with the same rows; nobody starts on it before."""
    chance = random.Random(seed)
    monkeypatch.setattr(moving, "BATCH", chance.choice([1, 7, 13]))
    with both(way, tmp_path) as (source, target):
        before, killed = content(source), 0
        while True:
            try:
                with killing(target, chance.randrange(1, 60), monkeypatch):
                    move(source, target, LATER, lambda _: None)
                break
            except KeyboardInterrupt:
                killed += 1
                for store in (source, target):
                    with pytest.raises(ConfigError, match="db move"):
                        check(store)
        assert killed > 0
        assert content(target) == before
        check(target)


@contextmanager
def killing(target: Store, after: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process dies at the end of so many transactions, before they count."""
    left, begin = [after], Store.begin

    @contextmanager
    def dying(self: Store, **more: Any) -> Iterator[Any]:
        with begin(self, **more) as tx:
            yield tx
            left[0] -= 1
            if self is target and left[0] == 0:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Store, "begin", dying)
        yield


@pytest.mark.parametrize("way", ["to postgresql", "to a file"])
def test_it_can_be_moved_back(way: str, tmp_path: Path) -> None:
    """What went on in the new store comes back to the old one, which is in date again."""
    with both(way, tmp_path) as (source, target):
        move(source, target, LATER, lambda _: None)
        fill_one_more(target)
        now = content(target)
        move(target, source, LATER, lambda _: None)
        assert content(source) == now
        check(source)
        with pytest.raises(ConfigError, match="was moved to"):
            check(target)


Spoil = Callable[[Store, Store], None]


def work(source: Store, _target: Store) -> None:
    """A syncd runs a pair."""
    with source.begin() as tx:
        tx.pair_leases.take("other", now=NOW, until=LATER + timedelta(minutes=1), fence=9)


def use(_source: Store, target: Store) -> None:
    """The new store is somebody's."""
    with target.begin() as tx:
        tx.links.make("m", "1", "2", NOW)


def begin_another(source: Store, target: Store) -> None:
    """A move was begun, and then the old store was worked on."""
    with source.read() as tx:
        fence = tx.runs.fact("fence")
    with target.begin() as tx:
        place = {"from": moving._named(source), "fence": fence - 1, "table": 3, "after": None}
        tx.runs.set_fact(moving.PLACE, place)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(work, "Stop it"), (use, "holds something already: links"), (begin_another, "as it was before")],
    ids=["worked on", "used", "begun from another"],
)
def test_what_must_not_be_moved_is_refused(spoil: Spoil, words: str, tmp_path: Path) -> None:
    """Nothing is changed on either side."""
    with both("to another file", tmp_path) as (source, target):
        schema.upgrade(target)
        spoil(source, target)
        before = content(source), content(target)
        with pytest.raises(ConfigError) as caught:
            move(source, target, LATER, lambda _: None)
        assert words in str(caught.value)
        assert (content(source), content(target)) == before
        check(source)


@pytest.mark.parametrize("way", ["to postgresql", "to a file"])
def test_who_works_on_the_old_store_ends_with_the_move(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A syncd that idles while it begins gets no fence from then on; given up, it works again; done, never."""
    with both(way, tmp_path) as (source, target):

        def fence() -> None:
            with source.begin() as tx:
                tx.runs.next_fence()

        fence()
        with pytest.raises(KeyboardInterrupt), killing(target, 3, monkeypatch):
            move(source, target, LATER, lambda _: None)
        with pytest.raises(ConfigError, match="is being moved to"):
            fence()
        give_up(source)
        fence()
        check(source)
        with pytest.raises(ConfigError, match="as it was before"):
            move(source, target, LATER, lambda _: None)
        fence()
        with pytest.raises(ConfigError, match="not being moved"):
            give_up(source)


def test_a_move_is_not_run_backwards_before_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted, and then asked for the wrong way round, or to elsewhere: the only whole store stays whole."""
    monkeypatch.setattr(moving, "BATCH", 7)
    with both("to another file", tmp_path) as (source, target):
        before = content(source)
        with pytest.raises(KeyboardInterrupt), killing(target, 9, monkeypatch):
            move(source, target, LATER, lambda _: None)
        with pytest.raises(ConfigError, match="not everything has been moved into it yet"):
            move(target, source, LATER, lambda _: None)
        with closing(Store(f"sqlite:///{tmp_path / 'third.db'}")) as third:
            with pytest.raises(ConfigError, match="is being moved to"):
                move(source, third, LATER, lambda _: None)
            schema.upgrade(third)
            with pytest.raises(ConfigError, match="is being moved itself"):
                move(third, source, LATER, lambda _: None)
        with pytest.raises(ConfigError, match="is being moved to"):
            check(source)
        assert content(source) == before
        move(source, target, LATER, lambda _: None)
        assert content(target) == before


def test_a_store_is_not_moved_twice_nor_into_itself(tmp_path: Path) -> None:
    """What is out of date is no source; and one address is one store."""
    with both("to another file", tmp_path) as (source, target):
        with pytest.raises(ConfigError, match="is the old one"):
            move(source, Store(source.url), LATER, lambda _: None)
        before = content(source)
        move(source, target, LATER, lambda _: None)
        with closing(Store(f"sqlite:///{tmp_path / 'third.db'}")) as third:
            with pytest.raises(ConfigError, match="was moved to"):
                move(source, third, LATER, lambda _: None)
            with pytest.raises(ConfigError, match="was moved to"):
                give_up(source)
        assert content(source) == content(target) == before


def test_what_differs_at_the_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that did not come over as it was keeps the old store in use."""
    with both("to another file", tmp_path) as (source, target):
        compared = moving._compared

        def spoilt(here: Store, there: Store, say: moving.Say) -> dict[str, int]:
            with there.begin() as tx:
                tx.connection.exec_driver_sql("UPDATE snapshots SET version = 'x' WHERE id = 'é3'")
            return compared(here, there, say)

        monkeypatch.setattr(moving, "_compared", spoilt)
        with pytest.raises(ConfigError, match="snapshots differs: 30 rows here, 30 there"):
            move(source, target, LATER, lambda _: None)
        check(source)


def test_no_password_is_kept_in_either(tmp_path: Path) -> None:
    """The old store says where everything went, and not how to get in."""
    with both("to postgresql", tmp_path) as (source, target):
        move(source, target, LATER, lambda _: None)
        with source.read() as tx:
            told = str(tx.runs.fact(MOVED))
        assert "postgresql" in told and postgres.PASSWORD not in told
