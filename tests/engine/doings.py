"""What people and fate do in a town, in single strokes: the vocabulary of the machine and of the directed tests.

What is not here: when it is done (`test_machine`) and what must hold (`laws`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from syncd.core.model import Ref, Value
from syncd.engine import by_hand, intake
from syncd.engine.answers import take
from syncd.engine.audit import WRONG, Difference, Reason
from syncd.engine.auditing import verify
from syncd.engine.intake import tick
from syncd.engine.lookout import believe
from syncd.engine.run import work
from syncd.engine.worker import Worker
from syncd.errors import ConfigError, SyncdError
from syncd.store.marks import DUE
from tests.engine.laws import broken
from tests.engine.stage import Busy, Crash, Cue
from tests.engine.town import Town
from tests.engine.vendor import Row

FEEDS = (("crm", "contacts"), ("con", "contacts"), ("con", "people"), ("crm", "deals"), ("con", "jobs"))
QUIET_ROUNDS = 40


class Lawless(AssertionError):
    """A law does not hold."""


def make(town: Town, vendor: str, kind: str, fields: dict[str, Value]) -> Row | None:
    """A person makes a record; None if the vendor refuses it."""
    if town.vendors[vendor].taken(kind, fields):
        return None
    town.typed += 1
    return town.vendors[vendor].create(kind, {**fields, "serial": f"s{town.typed}"}, "person")


def edit(town: Town, vendor: str, kind: str, id: str, fields: dict[str, Value]) -> None:
    """A person changes a record, if it is there and the vendor lets him."""
    if id in town.vendors[vendor].rows.get(kind, {}) and not town.vendors[vendor].taken(kind, fields, but=id):
        town.vendors[vendor].update(kind, id, fields, "person")


def edit_soon(town: Town, points: int, vendor: str, kind: str, id: str, fields: dict[str, Value]) -> None:
    """A person changes a record in the middle of our work, `points` steps from now or as soon as it is there."""

    def act(busy: Busy) -> bool:
        if id not in town.vendors[vendor].rows.get(kind, {}) or any(
            (vendor, kind, id, name) in busy for name in fields
        ):
            return False
        edit(town, vendor, kind, id, fields)
        return True

    town.stage.cues.append(Cue(points, act))


def delete(town: Town, vendor: str, kind: str, id: str) -> None:
    """A person deletes a record."""
    town.vendors[vendor].delete(kind, id)


def delete_soon(town: Town, points: int, vendor: str, kind: str, id: str) -> None:
    """A person deletes a record in the middle of our work, if it is there by then."""

    def act(busy: Busy) -> bool:
        if any(each[:3] == (vendor, kind, id) for each in busy):
            return False
        if id in town.vendors[vendor].rows.get(kind, {}):
            delete(town, vendor, kind, id)
        return True

    town.stage.cues.append(Cue(points, act))


def restore(town: Town, vendor: str, kind: str, id: str) -> None:
    """A person brings a deleted record back, if the vendor lets him."""
    grave = town.vendors[vendor].graves[kind][id][1]
    if not town.vendors[vendor].taken(kind, grave.fields):
        town.vendors[vendor].restore(kind, id)


def merge(town: Town, vendor: str, kind: str, id: str, into: str) -> None:
    """A person merges a record into another one."""
    town.vendors[vendor].merge(kind, id, into)


def rival_soon(town: Town, points: int, pause: timedelta) -> None:
    """In the middle of our work time passes, and another worker does a run of its own.

    If the pair is leased to us, it works beside us all the same: the leases of links must be enough.
    """

    def act(busy: Busy) -> bool:
        town.stage.now += pause
        world = town.another()
        with suppress(SyncdError):
            if work(world, world.pairs[0]).state == "busy":
                for m in world.pairs[0].maps:
                    while Worker(world, m).step():
                        pass
        return True

    town.stage.cues.append(Cue(points, act, outside=True))


def read_soon(town: Town, points: int, system: str, kind: str) -> None:
    """In the middle of our work another thread reads a feed."""

    def act(busy: Busy) -> bool:
        tick(town.another(), system, kind)
        return True

    town.stage.cues.append(Cue(points, act, outside=True))


def hinted(town: Town, vendor: str, kind: str, id: str) -> None:
    """A webhook says that a record may have changed; the process may be killed meanwhile."""
    guarded(town, lambda: intake.hint(town.world, [Ref(vendor, kind, id)]))


def hint_soon(town: Town, points: int, vendor: str, kind: str, id: str) -> None:
    """A webhook says so in the middle of our work."""

    def act(busy: Busy) -> bool:
        intake.hint(town.another(), [Ref(vendor, kind, id)])
        return True

    town.stage.cues.append(Cue(points, act, outside=True))


def pause(town: Town, vendor: str, kind: str, id: str) -> None:
    """A person wants a record left alone, if it is known and is not already; the process may be killed meanwhile."""
    with suppress(ConfigError):
        guarded(town, lambda: by_hand.pause(town.world, Ref(vendor, kind, id)))


def pause_soon(town: Town, points: int, vendor: str, kind: str, id: str) -> None:
    """A person does so in the middle of our work."""

    def act(busy: Busy) -> bool:
        with suppress(ConfigError):
            by_hand.pause(town.another(), Ref(vendor, kind, id))
        return True

    town.stage.cues.append(Cue(points, act, outside=True))


def resume(town: Town, vendor: str, kind: str, id: str) -> None:
    """A person has it go on, if it is paused."""
    with suppress(ConfigError):
        guarded(town, lambda: by_hand.resume(town.world, Ref(vendor, kind, id)))


def read_feed(town: Town, system: str, kind: str) -> None:
    """One tick of one feed; it may be killed."""
    guarded(town, lambda: tick(town.world, system, kind))


def run(town: Town) -> None:
    """One run; it may be killed."""
    guarded(town, town.work)


def guarded(town: Town, deed: Callable[[], object]) -> None:
    """What the daemon does around a run: trouble ends it; a kill takes the process."""
    try:
        deed()
    except SyncdError:
        return
    except Crash:
        town.reborn()


def cycle(town: Town, *, wait: float = 30) -> None:
    """Every feed once, then a run, then time passes."""
    for system, kind in FEEDS:
        read_feed(town, system, kind)
    run(town)
    town.stage.now += timedelta(seconds=wait)


def decide(town: Town, number: int, side: str) -> None:
    """A person takes a side in an open conflict; the process may be killed meanwhile."""
    with town.store.read() as tx:
        rows = tx.conflicts.list(states=["open"])
    if rows:
        guarded(town, lambda: take(town.world, rows[number % len(rows)].id, side))


def state(town: Town) -> tuple[tuple[object, ...], datetime | None]:
    """What moves while there is work (histories, calls that write, marks), and when the next mark is due."""
    with town.store.read() as tx:
        found = [mark for name in (DUE, "parked") for mark in tx.marks.resting(name)]
    marks = sorted((mark.map, mark.side, mark.id, mark.generation, mark.state) for mark in found)
    histories = tuple(len(vendor.history) for vendor in town.vendors.values())
    writes = tuple(sum(1 for call in vendor.calls if call[0] == "write") for vendor in town.vendors.values())
    moves = (histories, writes, tuple(marks), sum(len(vendor.late) for vendor in town.vendors.values()))
    return moves, min((mark.due_at for mark in found if mark.state == DUE), default=None)


def rest(town: Town) -> None:
    """No more trouble; time passes until nothing moves. Raises Lawless if it never does."""
    town.stage.calm()
    for vendor in town.vendors.values():
        vendor.faults.clear()
    still, (now, _) = 0, state(town)
    for _ in range(QUIET_ROUNDS):
        cycle(town, wait=400)
        before, (now, due) = now, state(town)
        stands = now == before
        still = still + 1 if stands and due is None else 0
        if stands and due is not None:
            admit(town)
            now, _ = state(town)
        if still == 2:
            return
        if due is not None:
            town.stage.now = max(town.stage.now, due)
    with town.store.read() as tx:
        raise Lawless(f"it never comes to rest: {tx.marks.resting(DUE)}")


def admit(town: Town) -> None:
    """What a system is held to hide was deleted by people: they say so."""
    for system, kind in FEEDS:
        with suppress(ConfigError):
            believe(town.world, f"{system}:{kind}")


def audit(town: Town, *, heal: bool = False) -> list[Difference]:
    """Both sides of every map compared with each other."""
    pages = (page for m in town.world.maps.values() for page in verify(town.world, m, heal=heal))
    return [one for page in pages for one in page.differences]


def judge(town: Town) -> None:
    """Come to rest and hold the laws. Raises Lawless with every one that is broken.

    Of records that are gone the laws have words of their own: where a vendor tells nobody, only an audit finds it.
    """
    rest(town)
    wrong = WRONG - {Reason.GONE}
    found = broken(town) + [f"the audit finds: {one}" for one in audit(town) if one.reason in wrong]
    if found:
        raise Lawless("\n".join(found))
