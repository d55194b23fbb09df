"""Find a record, and what a person does about one: read it again, part it, link it, try again.

What is not here: finding (`console.finder`), and the page of one record (`pages.record`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from syncd.console.ask import Ask, Deed, Done, Facts, Page
from syncd.console.desk import Desk
from syncd.console.finder import AT_A_TIME, Found, called, find, look_through, ways
from syncd.console.naming import names_of
from syncd.console.pages.runs import taken_back
from syncd.core.model import Ref
from syncd.core.plural import counted
from syncd.engine.answers import ref_of
from syncd.engine.intake import hint
from syncd.engine.standstill import paused_since
from syncd.engine.world import World
from syncd.errors import ConfigError, Problem
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

SYNC, PART, JOIN_AGAIN, JOIN, RETRY, PAUSE, RESUME, UNDO = (
    f"/records/{name}" for name in ("sync", "unlink", "relink", "link", "retry", "pause", "resume", "undo")
)


def show(desk: Desk, ask: Ask) -> Facts:
    """What was typed, and whom it may mean: each with who it is linked with.

    `from`: not what they are found by is looked at, but what they say, from that place on.
    """
    world, text, place = desk.world, ask.query.get("q", "").strip(), ask.query.get("from")
    with world.store.read() as tx:
        through = look_through(world, tx, text, place) if place is not None else None
        found = through.found if through is not None else find(world, tx, text)
        groups = _groups(world, tx, found)
    return {
        "q": text, "groups": groups, "cut": found.cut, "ways": ways(world), "count": sum(map(len, groups)),
        "through": through, "at_a_time": AT_A_TIME,
    }  # fmt: skip


def _groups(world: World, tx: Tx, found: Found) -> list[list[Mapping[str, Any]]]:
    """Records that are linked stand together, whichever of them was found."""
    linked = _linked_with(world, tx, found.shots)
    known = {**found.shots, **_shots(tx, {twin for several in linked.values() for twin in several.values()})}
    groups: list[list[Mapping[str, Any]]] = []
    done: set[Ref] = set()
    for ref in (one for one in found.shots if one not in done):
        # Who is linked with one that stands with another already, such as a lead with its contact's twin, stands alone.
        several = [one for one in dict.fromkeys([ref, *linked[ref].values()]) if one in known and one not in done]
        done.update(several)
        groups.append([_line(world, known[one], found, bool(linked[ref])) for one in several])
    return groups


def _line(world: World, shot: Snapshot, found: Found, linked: bool) -> Mapping[str, Any]:
    ref = shot.record.ref
    return {
        "ref": ref, "name": called(world, shot), "gone": shot.gone, "linked": linked, "alike": ref in found.alike,
        "modified": shot.record.modified_at,
    }  # fmt: skip


def _shots(tx: Tx, refs: Iterable[Ref]) -> dict[Ref, Snapshot]:
    """These records as they were read last."""
    ids: dict[tuple[str, str], list[str]] = {}
    for ref in refs:
        ids.setdefault((ref.system, ref.kind), []).append(ref.id)
    return {
        shot.record.ref: shot for of, several in ids.items() for shot in tx.snapshots.get(*of, several).values()
    }  # fmt: skip


def _linked_with(world: World, tx: Tx, refs: Collection[Ref]) -> dict[Ref, dict[str, Ref]]:
    """By record, with whom it is linked, by map."""
    found: dict[Ref, dict[str, Ref]] = {ref: {} for ref in refs}
    for (system, kind), readers in world.readers.items():
        ids = [ref.id for ref in refs if (ref.system, ref.kind) == (system, kind)]
        for m, side in readers if ids else ():
            for id_, link in tx.links.of(m.key, side, ids).items():
                found[m.end(side).ref(id_)][m.key] = m.end(side.other).ref(link.id_on(side.other))
    return found


def twins(world: World, tx: Tx, ref: Ref) -> dict[str, Ref]:
    """With whom a record is linked, by map."""
    return _linked_with(world, tx, [ref])[ref]


def meant(desk: Desk, typed: str, ref: Ref, map_key: str) -> Ref:
    """The one record across from this one that a person means. Raises ConfigError where it is none, or several."""
    world = desk.world
    across = [(m, side.other) for m, side in world.readers.get((ref.system, ref.kind), ()) if m.key == map_key]
    if not across:
        raise ConfigError(Problem(map_key[:80], f"is no map of {ref}.", "Load the page anew."))
    m, side = across[0]
    end = m.end(side)
    with world.store.read() as tx:
        found = find(world, tx, typed)
    there = [one for one in found.shots if (one.system, one.kind) == (end.system, end.kind)]
    refs = [one for one in there if one not in found.alike]
    if not refs:
        remedy = "Paste its link, or write SYSTEM:KIND:ID. A new record is known once it was read."
        raise ConfigError(
            Problem(typed[:80], f"is none of the {end.kind} of {names_of(world, m)[side]} that are known.", remedy)
        )
    if len(refs) > 1:
        names = ", ".join(map(str, refs[:5]))
        raise ConfigError(Problem(typed[:80], f"may be any of {len(refs)}: {names}.", "Write one of them."))
    return refs[0]


def sync(desk: Desk, ask: Ask) -> Done:
    """Have a record and whom it is linked with read again, and synced with the next run."""
    world, ref = desk.world, ref_of(ask.need("ref"))
    with world.store.read() as tx:
        others = twins(world, tx, ref)
        paused = [str(one) for one in (ref, *others.values()) if paused_since(tx, one) is not None]
    if paused:
        raise ConfigError(Problem(paused[0], "is paused.", "Resume it first."))
    marked = hint(world, [ref, *others.values()])
    if not marked:
        message = (
            "what was to be written of it was discarded, so it waits for a change." if others else "is not synced."
        )
        raise ConfigError(Problem(str(ref), message, "`Try again` takes it up again."))
    quiet = [pair.name for pair in world.pairs if pair.mode != "live" and any(m.key in marked for m in pair.maps)]
    also = f" Nothing is written: {', '.join(quiet)} does not write yet." if quiet else ""
    return Done(text=f"{'Both are' if others else 'It is'} read again, and synced with the next run.{also}",
                subject=str(ref))  # fmt: skip


def unlink(desk: Desk, ask: Ask) -> Done:
    """Part a record from the one that the page showed it linked with."""
    ref, twin, map_key = ask.need("ref"), ask.need("twin"), ask.need("map")
    _still(desk, ref_of(ref), ref_of(twin), map_key)
    desk.unlink(ref, map_key)
    return Done(
        text=f"{ref} and {twin} are parted. Both stay as they are, and neither is made again.",
        subject=ref, detail={"twin": twin, "map": map_key}, undo=(JOIN_AGAIN, _form(ref, twin, map_key)),
    )  # fmt: skip


def _still(desk: Desk, ref: Ref, twin: Ref, map_key: str) -> None:
    """The two are linked with each other, as the page said. Raises ConfigError."""
    with desk.world.store.read() as tx:
        now = twins(desk.world, tx, ref).get(map_key)
    if now is None:
        raise ConfigError(Problem(str(ref), "is not linked any more.", "Somebody was quicker. Look again."))
    if now != twin:
        raise ConfigError(Problem(str(ref), f"is linked with {now} by now, not with {twin}.", "Look again."))


def relink(desk: Desk, ask: Ask) -> Done:
    """Link a record again with the one that it was linked with."""
    ref, map_key = ask.need("ref"), ask.need("map")
    twin = desk.relink(ref, ask.form.get("twin") or None, map_key)
    return _linked(ref, twin, map_key)


def link(desk: Desk, ask: Ask) -> Done:
    """Link a record with the one that was typed or pasted."""
    ref, map_key = ask.need("ref"), ask.need("map")
    twin = str(meant(desk, ask.need("twin"), ref_of(ref), map_key))
    desk.link(ref, twin, map_key)
    return _linked(ref, twin, map_key)


def _linked(ref: str, twin: str, map_key: str) -> Done:
    return Done(
        text=f"{ref} and {twin} are linked. The next run makes them equal, and asks where it cannot tell who is right.",
        subject=ref, detail={"twin": twin, "map": map_key}, undo=(PART, _form(ref, twin, map_key)),
    )  # fmt: skip


def _form(ref: str, twin: str, map_key: str) -> dict[str, str]:
    return {"ref": ref, "twin": twin, "map": map_key}


def retry(desk: Desk, ask: Ask) -> Done:
    """Take up again what rests of a record, and of whom it is linked with."""
    ref, map_key = ask.need("ref"), ask.need("map")
    world, one = desk.world, ref_of(ref)
    with world.store.read() as tx:
        twin = twins(world, tx, one).get(map_key)
    count = sum(desk.retry(map_key, str(each)) for each in (one, twin) if each is not None)
    if not count:
        raise ConfigError(Problem(ref, "does not rest any more.", "Somebody was quicker, or its world has changed."))
    return Done(text=f"{counted(count, 'record')} of it is tried again with the next run.", subject=ref,
                detail={"map": map_key})  # fmt: skip


def pause(desk: Desk, ask: Ask) -> Done:
    """Leave a record alone until somebody resumes it."""
    ref = ask.need("ref")
    desk.pause(ref)
    return Done(text=f"{ref} is paused: nothing is written to it, nor across from it.", subject=ref,
                undo=(RESUME, {"ref": ref}))  # fmt: skip


def resume(desk: Desk, ask: Ask) -> Done:
    """Go on with one that is paused."""
    ref = ask.need("ref")
    desk.resume(ref)
    one = ref_of(ref)
    with desk.world.store.read() as tx:
        still = [str(twin) for twin in twins(desk.world, tx, one).values() if paused_since(tx, twin) is not None]
    then = f"{still[0]}, its twin, is still paused." if still else "What changed meanwhile crosses."
    return Done(text=f"{ref} goes on with the next run. {then}", subject=ref,
                undo=(PAUSE, {"ref": ref}))  # fmt: skip


def undo(desk: Desk, ask: Ask) -> Done:
    """Take back what one run wrote to a record and to whom it is linked with. It is carried out at once."""
    ref, map_key, run = ask.need("ref"), ask.need("map"), ask.need("run")
    if not run.isdecimal() or len(run) > 18:
        raise ConfigError(Problem(run[:80], "is no run.", "Load the page anew."))
    found = desk.undo(int(run), map_key, ref=ref)
    if not found["links"]:
        raise ConfigError(
            Problem(ref, f"has nothing of run {run} that can be taken back.", "It may be linked no more.")
        )
    return Done(text=" ".join(taken_back(found)), subject=ref, detail={"run": run, "map": map_key})


PAGES = (Page("/records", "records.html", "Find a record", show, needs=True),)
DEEDS = (
    Deed(SYNC, "record.sync", sync, needs=True),
    Deed(PART, "record.unlink", unlink, needs=True),
    Deed(JOIN_AGAIN, "record.relink", relink, needs=True),
    Deed(JOIN, "record.link", link, needs=True),
    Deed(RETRY, "record.retry", retry, needs=True),
    Deed(PAUSE, "record.pause", pause, needs=True),
    Deed(RESUME, "record.resume", resume, needs=True),
    Deed(UNDO, "record.undo", undo, needs=True),
)
