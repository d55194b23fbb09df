"""Uncertain matches: two records side by side, how alike they are and why, and a person's word on whether they are one.

And questions that no comparison answers, such as which record a write made whose answer was lost. What is not here:
finding them (`engine.review`), linking and telling apart (`engine.by_hand`, `engine.questions`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.console.ask import Ask, Deed, Done, Facts, Page
from syncd.console.asked import LOOKED_BACK, label, sign
from syncd.console.desk import Desk
from syncd.console.finder import LONGEST_ID
from syncd.console.labels import labeled
from syncd.console.naming import Named, named, names_of, sided
from syncd.console.pages.records import PART, meant
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Ref, Side
from syncd.engine.absorb import LEAD_LANE
from syncd.engine.answers import ref_of
from syncd.engine.lookalikes import QUESTION, not_twins
from syncd.engine.questions import NONE
from syncd.engine.review import pairs_of
from syncd.engine.world import World
from syncd.errors import ConfigError, Problem
from syncd.store import resting
from syncd.store.journal import Intent
from syncd.store.links import Link
from syncd.store.marks import PARKED, Mark
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

SHOWN = 20
"""Records that ask and are looked at for a page: each is compared with everybody who may be it."""

CANDIDATES = 9
"""Records named in a question that are offered for it."""

_COMMAND = re.compile(r"; say which(, or none)?: `syncd answer`")

PAIRS = 60
"""Pairs of these that are shown; one record may be like many."""

_LIKELY = (
    (0.95, "almost surely the same"), (0.8, "very likely the same"), (0.6, "likely the same"),
    (0.4, "may be the same"), (0.15, "could be the same"),
)  # fmt: skip

_ASKED_AGAIN = "With the next run they are compared, and asked about, again."

_ONE_BY_ONE = threading.Lock()
"""Who comes second has to see what the first one did."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records. `score`: of 100; `asked`, `since`: why and since when a person is asked; `seen`: what was shown.

    `linked`: what one of them is linked with already, and so cannot be linked with the other; `before`: they, or one
    of them, were linked and parted, and why.
    """

    ids: Mapping[Side, str]
    records: Sequence[Named]
    score: int
    words: str
    reasons: Sequence[str]
    asked: str
    since: str
    fields: Sequence[Mapping[str, Any]]
    linked: Sequence[tuple[Named, Ref]]
    before: Sequence[str]
    seen: str


@dataclass(frozen=True, slots=True)
class Alone:
    """A record that asks what no comparison answers. `candidates`: whom the question names, as far as they are free.

    `lost`: a write that was to make its twin has no answer, so that there may be none; `seen`: which question it is.
    """

    record: Named
    reason: str
    since: Any
    candidates: Sequence[Named]
    lost: bool
    across: str
    seen: str


def show(desk: Desk, ask: Ask) -> Facts:
    """Those of one map that wait longest; among them the likeliest first."""
    world = desk.world
    with desk.ready_store.read() as tx:
        counts = {key: n for key, why, n in tx.marks.causes() if why == QUESTION and key in world.maps}
        key = ask.query.get("map") or next(iter(sorted(counts, key=lambda one: (-counts[one], one))), None)
        m = world.maps.get(key) if key is not None else None
        facts: dict[str, Any] = {"pairs": [], "alone": [], "cut": 0, "after": None, "looked_at": 0, "systems": {}}
        if m is not None:
            leaf = resting.parked(tx, m.key, QUESTION, after=ask.query.get("after", ""), limit=SHOWN)
            facts = {**_facts(world, tx, m, leaf.rows), "after": leaf.after, "looked_at": len(leaf.rows)}
    choices = [(one, f"{one} ({n})") for one, n in sorted(counts.items())]
    return {**facts, "key": key, "count": counts.get(key or "", 0), "maps": choices}


def _facts(world: World, tx: Tx, m: FieldMap, marks: Sequence[Mark]) -> dict[str, Any]:
    rows: dict[tuple[str, str], Mapping[str, Any]] = {}
    for side in Side:
        for row in pairs_of(tx, m, side, [mark for mark in marks if mark.side is side]):
            rows[row["left"], row["right"]] = row
    best = sorted(rows.values(), key=lambda row: (-row["score"], row["left"], row["right"]))
    asks = {one for several in rows for one in several}
    lost = {(side, one.source_id) for side in Side for one in _lost(tx, m, side, marks)}
    alone = [one for one in marks if str(m.end(one.side).ref(one.id)) not in asks or (one.side, one.id) in lost]
    systems = names_of(world, m)
    return {
        "pairs": _pairs(world, tx, m, best[:PAIRS]), "cut": max(0, len(best) - PAIRS),
        "alone": [_alone(world, tx, m, one, lost=(one.side, one.id) in lost) for one in alone],
        "systems": {str(side): name for side, name in systems.items()},
    }  # fmt: skip


def _lost(tx: Tx, m: FieldMap, side: Side, marks: Sequence[Mark]) -> Iterable[Intent]:
    """Writes without an answer that were to make the twins of these."""
    return tx.journal.creating_for(m.key, side, [one.id for one in marks if one.side is side])


def _alone(world: World, tx: Tx, m: FieldMap, mark: Mark, *, lost: bool) -> Alone:
    systems, across = names_of(world, m), mark.side.other
    names = named(world, tx, m, [(mark.side, mark.id), *((across, id_) for id_ in _free(tx, m, mark))])
    record = names.pop((mark.side, mark.id))
    known = [one for one in names.values() if one.name and not one.gone]
    reason = sided(_COMMAND.sub("", mark.reason or ""), systems)
    return Alone(record, reason, mark.first_at, known, lost, systems[across], str(mark.generation))


def _free(tx: Tx, m: FieldMap, mark: Mark) -> list[str]:
    """Ids across that a question names, of records that are linked with nobody and were not refused."""
    across = mark.side.other
    start = re.escape(str(m.end(across).ref("")))
    found = list(dict.fromkeys(re.findall(rf"{start}([\w-]{{1,{LONGEST_ID}}})", mark.reason or "")))[:CANDIDATES]
    taken = {*tx.links.of(m.key, across, found), *not_twins(tx, m, across, mark.id)}
    return [id_ for id_ in found if id_ not in taken]


def _pairs(world: World, tx: Tx, m: FieldMap, rows: Sequence[Mapping[str, Any]]) -> list[Pair]:
    ids = [{side: row[str(side)].split(":", 2)[2] for side in Side} for row in rows]
    around = _Around.of(world, tx, m, ids)
    return [around.pair(row, of) for row, of in zip(rows, ids, strict=True)]


@dataclass(frozen=True, slots=True)
class _Around:
    """What else is known of the records of some pairs."""

    m: FieldMap
    systems: Mapping[Side, str]
    names: Mapping[tuple[Side, str], Named]
    shots: Mapping[tuple[Side, str], Snapshot]
    open: Mapping[tuple[Side, str], Link]
    closed: Mapping[tuple[Side, str], Link]

    @classmethod
    def of(cls, world: World, tx: Tx, m: FieldMap, several: Sequence[Mapping[Side, str]]) -> _Around:
        ids = {side: [one[side] for one in several] for side in Side}
        shots = {
            (side, id_): shot
            for side in Side
            for id_, shot in tx.snapshots.get(m.end(side).system, m.end(side).kind, ids[side]).items()
        }
        links = {
            state: {
                (side, id_): link
                for side in Side
                for id_, link in tx.links.of(m.key, side, ids[side], state=state).items()
            }
            for state in ("open", "closed")
        }
        names = named(world, tx, m, [(side, id_) for side in Side for id_ in ids[side]])
        return cls(m, names_of(world, m), names, shots, links["open"], links["closed"])

    def pair(self, row: Mapping[str, Any], ids: Mapping[Side, str]) -> Pair:
        return Pair(
            ids, [self.names[side, ids[side]] for side in Side], round(row["score"] * 100), likely(row["score"]),
            [sentence(one) for one in row["reasons"]], sided(row["asked"] or "", self.systems), row["since"],
            [self._field(one) for one in row["fields"]], list(self._linked(ids)), list(self._before(ids)),
            seen(self.m, {side: self.shots.get((side, ids[side])) for side in Side}),
        )  # fmt: skip

    def _field(self, one: Mapping[str, Any]) -> Mapping[str, Any]:
        rule = next(rule for rule in self.m.rules if rule.name == one["field"])
        values = {str(side): labeled(self.m, side, rule.name, one[str(side)]) for side in Side}
        return {"label": label(rule, Side.LEFT, one["field"]), **values, "same": one["same"]}

    def _linked(self, ids: Mapping[Side, str]) -> list[tuple[Named, Ref]]:
        """Which of the two is linked already, and with what."""
        return [
            (self.names[side, id_], self.m.end(side.other).ref(link.id_on(side.other)))
            for side, id_ in ids.items()
            if (link := self.open.get((side, id_))) is not None
        ]

    def _before(self, ids: Mapping[Side, str]) -> list[str]:
        """Which of the two was linked before, and why that ended."""
        found = []
        for side, id_ in ids.items():
            link = self.closed.get((side, id_))
            if link is not None and (side, id_) not in self.open:
                twin = self.m.end(side.other).ref(link.id_on(side.other))
                found.append(f"The one in {self.systems[side]} was linked with {twin} before: {link.reason}.")
        return found


def likely(score: float) -> str:
    """A likeness in words."""
    return next((words for least, words in _LIKELY if score >= least), "more likely two different ones")


def sentence(reason: str) -> str:
    """A reason of a likeness as a sentence."""
    if reason.startswith(("same ", "nearly the same ")):
        return f"Both have {'the ' if reason.startswith('same ') else ''}{reason}."
    if reason.startswith("another "):
        return f"The {reason.removeprefix('another ')} is another one."
    return f"{reason[:1].upper()}{reason[1:]}."


def seen(m: FieldMap, shots: Mapping[Side, Snapshot | None]) -> str:
    """What stands for the values of two records: they are judged as they were shown, or not at all."""
    held = {
        side: shot.record.fields if shot is not None and shot.gone is None else {} for side, shot in shots.items()
    }  # fmt: skip
    return sign([
        (rule.name, held[Side.LEFT].get(rule.left), held[Side.RIGHT].get(rule.right))
        for rule in m.rules
        if rule.left and rule.right and not rule.relation
    ])  # fmt: skip


def _named(desk: Desk, ask: Ask) -> tuple[FieldMap, dict[Side, Ref]]:
    """The map and the two records that a form names. Raises ConfigError."""
    key = ask.need("map")
    m = desk.world.maps.get(key)
    if m is None:
        raise ConfigError(Problem(f"map {key[:80]}", "is not there.", "Load the page anew."))
    ids = {side: ask.need(str(side)) for side in Side}
    if max(map(len, ids.values())) > LONGEST_ID:
        raise ConfigError(Problem("an id", "is not as long as that.", "Load the page anew."))
    return m, {side: m.end(side).ref(ids[side]) for side in Side}


def _as_shown(tx: Tx, m: FieldMap, refs: Mapping[Side, Ref], shown: str, *, free: bool) -> None:
    """Nobody said a word about the two meanwhile, and both are as they were. Raises ConfigError.

    `free`: neither may be linked with somebody else; that they are two can be said all the same.
    """
    left, right = refs[Side.LEFT], refs[Side.RIGHT]
    if (left.id, right.id) in tx.refusals.of(m.key, Side.LEFT, [left.id]):
        raise _late(f"{_who(tx, refs.values())} said meanwhile that they are two.")
    for side, ref in refs.items():
        link = tx.links.of(m.key, side, [ref.id]).get(ref.id)
        if link is not None and link.id_on(side.other) == refs[side.other].id:
            raise _late(f"{_who(tx, refs.values())} said meanwhile that they are the same.")
        if link is not None and free:
            raise _late(f"{ref} is linked with {m.end(side.other).ref(link.id_on(side.other))} by now.")
    if seen(m, {side: _shot(tx, ref) for side, ref in refs.items()}) != shown:
        raise _late("One of them changed since you looked.")


def _late(why: str) -> ConfigError:
    return ConfigError(Problem("these two", f"were left as they are. {why}", "Look again."))


def _shot(tx: Tx, ref: Ref) -> Snapshot | None:
    return tx.snapshots.get(ref.system, ref.kind, [ref.id]).get(ref.id)


def _who(tx: Tx, refs: Iterable[Ref]) -> str:
    """Who said something about these last, as far as the newest deeds tell."""
    wanted = {str(ref) for ref in refs}
    for deed in tx.deeds.last(limit=LOOKED_BACK):
        if wanted <= {deed.subject, *map(str, deed.detail.values())}:
            return deed.account
    return "Somebody"


def _same(desk: Desk, ask: Ask) -> Done:
    """They are one: link them."""
    m, refs = _named(desk, ask)
    left, right = str(refs[Side.LEFT]), str(refs[Side.RIGHT])
    with _ONE_BY_ONE:
        with desk.ready_store.read() as tx:
            _as_shown(tx, m, refs, ask.need("seen"), free=True)
        if ask.form.get("before"):  # the page said that one was linked before, and why that ended
            desk.relink(left, right, m.key)
        else:
            desk.link(left, right, m.key)
    return Done(
        text=f"{left} and {right} are linked. The next run makes them equal, and asks where it cannot tell who is"
        " right.",
        subject=left, detail={"twin": right, "map": m.key},
        undo=(PART, {"ref": left, "twin": right, "map": m.key}),
    )  # fmt: skip


def _different(desk: Desk, ask: Ask) -> Done:
    """They are two: that is remembered."""
    m, refs = _named(desk, ask)
    left, right = str(refs[Side.LEFT]), str(refs[Side.RIGHT])
    with _ONE_BY_ONE:
        with desk.ready_store.read() as tx:
            _as_shown(tx, m, refs, ask.need("seen"), free=False)
        desk.link(left, right, m.key, same=False)
    form = {"map": m.key, **{str(side): ref.id for side, ref in refs.items()}}
    return Done(
        text=f"{left} and {right} are two; that is remembered. With the next run each goes its own way.",
        subject=left, detail={"twin": right, "map": m.key}, undo=("/review/again", form),
    )  # fmt: skip


def _again(desk: Desk, ask: Ask) -> Done:
    """Forget that they are two: a person is asked again, if neither was linked meanwhile."""
    m, refs = _named(desk, ask)
    left, right, now = refs[Side.LEFT], refs[Side.RIGHT], desk.clock()
    taken = []
    with _ONE_BY_ONE, desk.ready_store.begin() as tx:
        if not tx.refusals.remove(m.key, left.id, right.id):
            remedy = "Somebody took it back already. Look again."
            raise ConfigError(Problem("that these are two", "is not remembered any more.", remedy))
        for side, ref in refs.items():
            link = tx.links.of(m.key, side, [ref.id]).get(ref.id)
            if link is None:
                tx.marks.add(m.key, side, [ref.id], now, lane=LEAD_LANE)
            else:
                taken.append(f"{ref} is linked with {m.end(side.other).ref(link.id_on(side.other))}")
    then = f"But {' and '.join(taken)} by now: part them first, if that is wrong." if taken else _ASKED_AGAIN
    return Done(text=f"That is taken back. {then}", subject=str(left), detail={"twin": str(right), "map": m.key})


def _answer(desk: Desk, ask: Ask) -> Done:
    """Which record is the twin of one that asks; or that the write which was to make it made none."""
    ref, key = ref_of(ask.need("ref")), ask.need("map")
    twin = NONE if ask.form.get("none") else str(meant(desk, ask.need("twin"), ref, key))
    with _ONE_BY_ONE:
        with desk.ready_store.read() as tx:
            _still_asks(desk.world, tx, ref, key, ask.need("seen"))
        desk.answer(str(ref), twin, key)
    if twin == NONE:
        return Done(text=f"It is noted that nothing was made for {ref}. The next run makes it, if its map still wants"
                    " that.", subject=str(ref), detail={"twin": NONE, "map": key})  # fmt: skip
    return Done(
        text=f"{ref} and {twin} are linked. The next run makes them equal, and asks where it cannot tell who is right.",
        subject=str(ref), detail={"twin": twin, "map": key},
        undo=(PART, {"ref": str(ref), "twin": twin, "map": key}),
    )  # fmt: skip


def _still_asks(world: World, tx: Tx, ref: Ref, key: str, shown: str) -> None:
    """It asks what it asked when the page was made. Raises ConfigError."""
    sides = [side for m, side in world.readers.get((ref.system, ref.kind), ()) if m.key == key]
    mark = tx.marks.get(key, sides[0], [ref.id]).get(ref.id) if sides else None
    if mark is None or (mark.state, mark.cause) != (PARKED, QUESTION):
        raise ConfigError(Problem(str(ref), f"asks nothing any more. {_who(tx, [ref])} was quicker.", "Look again."))
    if str(mark.generation) != shown:
        raise ConfigError(Problem(str(ref), "changed since you looked, and so may have the question.", "Look again."))


PAGES = (Page("/review", "review.html", "Uncertain matches", show, nav="Review", needs=True),)
DEEDS = (
    Deed("/review/same", "review.same", _same, needs=True),
    Deed("/review/different", "review.different", _different, needs=True),
    Deed("/review/answer", "review.answer", _answer, needs=True),
    Deed("/review/again", "review.again", _again, needs=True),
)
