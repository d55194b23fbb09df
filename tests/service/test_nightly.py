"""The nightly audit: when a slice begins, bite after bite, and that the daemon does it. Not here: what it finds."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from syncd.core.model import Side
from syncd.errors import Transient
from syncd.service.daemon import Daemon
from syncd.service.nightly import Nights
from tests.engine.planting import CONTACTS, Gardener, full_town
from tests.engine.stage import START
from tests.engine.vendor import MemoryConnector

CHICAGO = Nights(nights=7, at=time(2), zones={"sales": ZoneInfo("America/Chicago")})


@pytest.mark.parametrize(
    ("moment", "night"),
    [
        ("2026-03-02T07:59", None),
        ("2026-03-02T08:00", "2026-03-02"),
        ("2026-03-02T13:59", "2026-03-02"),
        ("2026-03-02T14:00", None),
        ("2026-07-02T07:00", "2026-07-02"),
    ],
)
def test_a_slice_begins_at_night_where_the_account_is(moment: str, night: str | None) -> None:
    """At two o'clock of the account's zone, summer and winter; within six hours, or not at all."""
    assert CHICAGO.tonight("sales", datetime.fromisoformat(moment).replace(tzinfo=UTC)) == night


def test_a_night_may_begin_before_midnight() -> None:
    """After midnight it is still the night that began the evening before."""
    late = Nights(nights=1, at=time(22))
    assert late.tonight("any", datetime(2026, 3, 2, 1, tzinfo=UTC)) == "2026-03-01"


def test_the_daemon_takes_a_bite_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tick reads one page of one map, and marks what a feed did not tell; a vendor in trouble rests."""
    with full_town(10, monkeypatch) as town:
        monkeypatch.setattr("syncd.engine.auditing.PAGE", 4)
        gardener = Gardener(town)
        gardener.missed(Side.LEFT, "name", "unseen")
        daemon = Daemon(town.world, nights=Nights(nights=1, at=time(town.stage.now.hour), every=timedelta(seconds=7)))
        (audit,) = [tick for tick in daemon.ticks() if tick.name == "audit pair"]
        assert audit.every == timedelta(seconds=7)
        read = MemoryConnector.read
        away = Transient("away")
        away.system = "crm"
        monkeypatch.setattr(MemoryConnector, "read", lambda *_: (_ for _ in ()).throw(away))
        assert audit.work() is False
        assert audit.work() is False
        monkeypatch.setattr(MemoryConnector, "read", read)
        town.stage.now += timedelta(minutes=1)
        seen = []
        for _ in range(4):
            town.vendors["crm"].calls.clear()
            audit.work()
            seen.append([call[:2] for call in town.vendors["crm"].calls])
        assert seen == [[("read", "contacts")]] * 3 + [[]]
        with town.store.read() as tx:
            assert {row.compared for row in tx.parities.of(CONTACTS, whole=True) if row.rule == ""} == {10}
            assert tx.marks.next_due([CONTACTS]) is not None
        assert town.stage.now > START


def test_without_nights_nothing_is_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    """`nights = 0` in the set-up: no tick."""
    with full_town(1, monkeypatch) as town:
        assert [tick.name for tick in Daemon(town.world).ticks() if tick.name.startswith("audit")] == []
