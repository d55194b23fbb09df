"""What every run did, what it wrote, and taking it back.

What is not here: what a run was not allowed to do (`held`), and how a write is taken back (`engine.undo`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.console.ask import Ask, Deed, Done, Facts, NotFound, Page
from syncd.console.desk import Desk
from syncd.console.naming import Named, named, names_of, sided
from syncd.console.words import ARRIVED, DONE, outcome
from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.loss import same
from syncd.core.model import Action, Side, Value
from syncd.core.plural import counted
from syncd.engine.answers import done
from syncd.engine.world import World
from syncd.errors import ConfigError, Problem
from syncd.store import resting
from syncd.store.journal import NOTHING_CHANGED, Intent
from syncd.store.links import Link
from syncd.store.runs import Run
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

SHOWN = 50
WRITES = 50
KEPT = 5
"""Records that stay as they are, of which an undo tells."""

STATES: Mapping[str, tuple[str, str]] = {
    "running": ("running", "ask"),
    "done": ("done", "ok"),
    "planned": ("planned only", ""),
    "held": ("held", "warn"),
    "stopped": ("stopped", "bad"),
    "killed": ("ended from outside", "bad"),
}
"""What a run's state is called, and its color."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a write. `back`: what an undo would do to it, in words; "" where nobody asked."""

    name: str
    before: Value
    after: Value
    reason: str
    back: str = ""


@dataclass(frozen=True, slots=True)
class Wrote:
    """One write of a run. `record`: None of one that was never made; `back`: what an undo would do to the record."""

    intent: Intent
    record: Named | None
    source: Named | None
    system: str
    what: str
    outcome: str
    arrived: bool
    bad: bool
    changes: Sequence[Change]
    back: str = ""


def show(desk: Desk, ask: Ask) -> Facts:
    """The newest runs, of all or of a pair, in any state or in one."""
    pair, state = ask.query.get("pair"), ask.query.get("state")
    with desk.ready_store.read() as tx:
        found = resting.runs_before(
            tx, pair=pair or None, state=state or None, before=ask.number("before"), limit=SHOWN + 1
        )
    rows = [(run, did(run)) for run in found[:SHOWN]]
    return {
        "rows": rows, "older": rows[-1][0].id if len(found) > SHOWN else None, "states": STATES,
        "pair": pair, "state": state,
        "pair_choices": [("", "All pairs"), *((name, name) for name in desk.config.pairs)],
        "state_choices": [("", "Any"), *((name, word) for name, (word, _) in STATES.items())],
    }  # fmt: skip


def did(run: Run) -> str:
    """What a run did; of one that has told nothing, why."""
    if run.state == "running":
        return "it has not ended yet"
    if run.state == "killed" and not run.counts:
        return "it was ended before it could tell what it did"
    return done(run.counts)


def detail(desk: Desk, ask: Ask) -> Facts:
    """One run and what it wrote; with `undo` behind the address, also what would be taken back of it."""
    world, preview = desk.world, ask.query.get("undo") == "1"
    with desk.ready_store.read() as tx:
        run = _run(tx, ask.path["id"])
        leaf = resting.written(tx, run.id, after=ask.number("after") or 0, limit=WRITES)
        rows = sorted(_wrote(world, tx, leaf.rows, preview=preview), key=lambda one: one.intent.id)
    maps = [m for one in world.pairs if one.name == run.pair for m in one.maps]
    return {
        "run": run, "did": did(run), "rows": rows, "after": leaf.after, "states": STATES, "undo": preview,
        "fields": sorted({rule.name for m in maps for rule in m.rules if rule.receipt is None}) if preview else [],
    }  # fmt: skip


def _run(tx: Tx, told: str) -> Run:
    run = tx.runs.get(int(told)) if told.isdecimal() and len(told) < 19 else None
    if run is None:
        raise NotFound("There is no such run. Old ones are forgotten after a while.")
    return run


def _wrote(world: World, tx: Tx, intents: Sequence[Intent], *, preview: bool) -> Iterator[Wrote]:
    """These writes as people read them, map by map."""
    for key in dict.fromkeys(intent.map for intent in intents):
        several, m = [one for one in intents if one.map == key], world.maps.get(key)
        if m is None:
            yield from (_nameless(one) for one in several)
            continue
        wanted = [(one.side, one.record_id) for one in several] + [(one.side.other, one.source_id) for one in several]
        names = named(world, tx, m, wanted)
        looks = _Looks.over(tx, m, several) if preview else None
        systems = names_of(world, m)
        for one in several:
            record = names[one.side, one.record_id] if one.record_id is not None else None
            system, source = m.end(one.side).system, names[one.side.other, one.source_id]
            yield Wrote(
                one, record, source, system, DONE[one.action], outcome(one.outcome), one.outcome in ARRIVED, _bad(one),
                _changes(one, m, looks, systems),
                looks.record(world, one) if looks is not None else "",
            )  # fmt: skip


def _nameless(intent: Intent) -> Wrote:
    """A write for a map that is no more."""
    changes = _changes(intent, None, None, {side: str(side) for side in Side})
    return Wrote(
        intent,
        None,
        None,
        str(intent.side),
        DONE[intent.action],
        outcome(intent.outcome),
        intent.outcome in ARRIVED,
        _bad(intent),
        changes,
    )


def _bad(intent: Intent) -> bool:
    return intent.outcome in ("refused", "missing", "gone", "neither")


def _changes(intent: Intent, m: FieldMap | None, looks: _Looks | None, systems: Mapping[Side, str]) -> list[Change]:
    reasons: dict[str, str] = {}
    fields = {rule.name: rule for rule in m.rules} if m is not None else {}
    for name, told in intent.rules.items():
        rule = fields.get(name)
        reasons[(rule.field(intent.side) if rule is not None else None) or name] = sided(
            str(told.get("reason", "")), systems
        )
    return [
        Change(
            name, intent.before.get(name), value, _why(intent, name, reasons),
            looks.field(intent, name) if looks is not None else "",
        )
        for name, value in intent.fields.items()
    ]  # fmt: skip


def _why(intent: Intent, name: str, reasons: Mapping[str, str]) -> str:
    """Why a field was written: its rule's reason, or that of all its rules if they had the same."""
    if name in reasons:
        return reasons[name]
    several = set(reasons.values())
    return several.pop() if len(several) == 1 else "on creation" if intent.action is Action.CREATE else ""


@dataclass(frozen=True, slots=True)
class _Looks:
    """How it stands now with what some writes of one map wrote."""

    m: FieldMap
    rules: Mapping[str, Rule]
    shots: Mapping[tuple[Side, str], Snapshot]
    links: Mapping[tuple[Side, str], Link]
    later: Mapping[tuple[Side, str, str], int]

    @classmethod
    def over(cls, tx: Tx, m: FieldMap, intents: Sequence[Intent]) -> _Looks:
        shots: dict[tuple[Side, str], Snapshot] = {}
        links: dict[tuple[Side, str], Link] = {}
        for side in Side:
            ids = [one.record_id for one in intents if one.side is side and one.record_id is not None]
            end = m.end(side)
            shots |= {(side, id_): shot for id_, shot in tx.snapshots.get(end.system, end.kind, ids).items()}
            links |= {(side, id_): link for id_, link in tx.links.of(m.key, side, ids).items()}
        later = {(one.side, one.record_id or "", name): one.id for one in intents for name in one.fields}
        return cls(m, {rule.name: rule for rule in m.rules}, shots, links, later)

    def record(self, world: World, intent: Intent) -> str:
        """What an undo would do to the record as a whole."""
        if not landed(intent):
            return "nothing to take back: it was not written" if intent.action is not Action.ARCHIVE else "stays away"
        if (intent.side, intent.record_id or "") not in self.links:
            return "stays: the two are linked no longer"
        if intent.action is Action.CREATE:
            if not world.connector(self.m, intent.side).capabilities.archive:
                return f"stays: {self.m.end(intent.side).system} cannot put records away"
            return "is put away, if nobody has touched it since"
        return ""

    def field(self, intent: Intent, name: str) -> str:
        """What an undo would do to a field that was changed."""
        at = (intent.side, intent.record_id or "")
        rules = [rule for rule in self.rules.values() if rule.field(intent.side) == name and rule.name in intent.rules]
        if intent.action is not Action.UPDATE or not landed(intent) or at not in self.links:
            return ""
        if not rules or name not in intent.before:
            return "stays: the map has no such field any more, or what was there is not known"
        if rules[0].receipt is not None:
            return "stays: it is syncd's own note"
        if self.later.get((*at, name)) != intent.id:
            return "written once more later in this run"
        shot, kind = self.shots.get(at), rules[0].type(intent.side)
        now = shot.record.fields.get(name) if shot is not None else None
        if shot is None or shot.gone is not None:
            return "stays: the record is gone"
        if same(now, intent.before[name], kind):
            return "is so again already"
        return "is taken back" if same(now, intent.fields[name], kind) else "stays: somebody changed it since"


def landed(intent: Intent) -> bool:
    """Whether a write changed the vendor's record in a way that can be taken back."""
    return intent.outcome is not None and intent.outcome not in NOTHING_CHANGED and intent.action is not Action.ARCHIVE


def _undo(desk: Desk, ask: Ask) -> Done:
    """A whole run, or one field of it. It is carried out at once: the vendors are asked and written to."""
    with desk.ready_store.read() as tx:
        run = _run(tx, ask.path["id"])
    name = ask.form.get("field", "").strip() or None
    found = desk.undo(run.id, field=name)
    if not found["links"]:
        what = f"changed no {name}" if name else "wrote nothing"
        raise ConfigError(Problem(f"run {run.id}", f"{what} that is linked and can be taken back.", ""))
    counts = {key: found[key] for key in ("fields", "archived", "waiting")}
    return Done(text=" ".join(taken_back(found)), subject=f"run {run.id}", detail={"field": name or "", **counts},
                to=f"/runs/{run.id}")  # fmt: skip


def taken_back(found: Mapping[str, Any]) -> Iterator[str]:
    """What an undo came to, in sentences."""
    given, away = counted(found["fields"], "field"), counted(found["archived"], "record")
    yield f"Run {found['run']}: {given} given back, {away} put away."
    if kept := len(found["kept"]):
        stays = "stays as it is" if kept == 1 else "stay as they are"
        yield f"{counted(kept, 'value')} that somebody changed since {stays}:"
        yield "; ".join(str(row["reason"]) for row in found["kept"][:KEPT]) + ("." if kept <= KEPT else "; and more.")
    if found["others"]:
        yield f"What else was due went with it: {counted(found['others'], 'record')}."
    if found["state"] == "held":
        yield f"The rest is held: {found['reason']}. It stands under Held."
    elif found["state"] == "planned":
        yield "The pair only plans: nothing was written. Set it live to carry it out."
    elif found["waiting"]:
        count = counted(found["waiting"], "record")
        yield f"{count} still to come with the next run; what is paused, when it is resumed."


PAGES = (
    Page("/runs", "runs.html", "Runs", show, nav="Runs"),
    Page("/runs/{id}", "run.html", "Run", detail, needs=True),
)
DEEDS = (Deed("/runs/{id}/undo", "run.undo", _undo, needs=True),)
