"""People at work in both vendors' pages, at random: they edit, often the same field on both sides, and make records.

They can also delete, restore and merge them.
What is not here: what must hold of their work afterwards (`laws`), what they can edit at all (`trades`), and the stage
they play on (`stage`).
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
from syncd.engine.answers import take
from syncd.engine.world import World
from syncd.errors import ConfigError
from syncd.kit.control import ControlError
from syncd.lab.own import RIGHT
from syncd.lab.stage import Stage
from syncd.lab.trades import Field, Thing, Trade, things, trades

HAND = "dana.reyes@example.com"
"""Who acts on the right; each CRM says who does on the left."""

CLASH = 0.25
"""How often somebody edits the same field of the same thing on the other side, in the very same moment."""

HOT = 0.5
"""How often it is one of the few records that everybody works on today."""

HOT_RECORDS = 12
SAME = 0.15
"""How often both hands of a clash type the very same."""

BLANK, BACK = 0.06, 0.06
"""How often somebody clears the field, or puts back what they typed before."""

NEW = 0.04
"""How often somebody makes a new record instead of editing one."""

DECIDE = 0.1
"""How often somebody takes a side in an open conflict instead of editing."""

LOOK_EVERY = 3.0
"""Seconds after which people look again which records there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """How often somebody deletes a record, brings a deleted one back, or merges two of one side; by default never."""

    delete: float = 0.0
    restore: float = 0.0
    merge: float = 0.0


SOME_LEAVE = Leaving(delete=0.006, restore=0.004, merge=0.002)


@dataclass(slots=True, kw_only=True)
class Crowd:
    """Several people as one thread. Nearly every value they type is new, so that it can be told whose it is.

    `per_second`: how often they act, as far as the vendors keep up. `most`: after so many edits they go home; None:
    when told. `late`: whether they stay on although all is done. `acts` counts what they did, by word, and `edits` how
    many values they typed.
    """

    stage: Stage
    world: World
    seed: int = 1
    per_second: float = 10.0
    most: int | None = None
    leaving: Leaving = Leaving()
    late: bool = False
    acts: Counter[str] = field(default_factory=Counter)
    edits: int = 0
    _typed: int = 0
    _trades: list[Trade] = field(default_factory=list)
    _things: list[Thing] = field(default_factory=list)
    _hot: list[Thing] = field(default_factory=list)
    _looked: float = 0.0
    _before: dict[tuple[str, str], str] = field(default_factory=dict)
    _deleted: list[tuple[FieldMap, Side, str]] = field(default_factory=list)

    @property
    def home(self) -> bool:
        """Whether they have made all the edits they were asked for, and are asked to go."""
        return self.most is not None and self.edits >= self.most and not self.late

    def work(self, stop: threading.Event) -> None:
        """Act until told to stop, or until all is done."""
        dice = random.Random(f"people:{self.seed}")
        due = time.monotonic()
        while not stop.is_set() and not self.home:
            self.act(dice)
            due = max(due + dice.expovariate(self.per_second), time.monotonic() - 1.0)
            stop.wait(max(0.0, due - time.monotonic()))

    def act(self, dice: random.Random) -> None:
        """One act of somebody."""
        self._look(dice)
        crm = self.stage.crm.own_acts if self.leaving.merge else 0.0
        chances = (NEW, DECIDE, self.leaving.delete, self.leaving.restore, self.leaving.merge, crm)
        doings = (self._make, self._decide, self._delete, self._restore, self._merge, self._own_act)
        (chosen,) = dice.choices((*doings, self._edit), (*chances, 1.0 - sum(chances)))
        try:
            (chosen if self._things else self._make)(dice)
        except ControlError:
            # A vendor's page refuses what its own rules forbid (a name that is taken); people shrug and go on.
            self.acts["refused"] += 1

    def _edit(self, dice: random.Random) -> None:
        thing = dice.choice(self._hot if self._hot and dice.random() < HOT else self._things)
        chosen = dice.choice(thing.trade.fields)
        present = [side for side in Side if thing.id(side) is not None]
        sides = present if dice.random() < CLASH else [dice.choice(present)]
        dice.shuffle(sides)
        same = self._word(chosen, sides[0], dice) if dice.random() < SAME else None
        for side in sides:
            value = same or self._value(str(thing.id(side)), chosen, side, dice)
            self._act(thing.trade.map, side, "update", id=thing.id(side), fields={chosen.name(side): value})
            self.edits += 1
        self.acts["clash" if len(sides) > 1 else "edit"] += 1

    def _value(self, id_: str, field: Field, side: Side, dice: random.Random) -> str:
        """A new value mostly; at times none, or the one typed before."""
        mood = dice.random()
        if mood < BLANK and field.clears:
            return ""
        new = self._word(field, side, dice)
        name = field.name(side)
        old, self._before[id_, name] = self._before.get((id_, name)), new
        return old if old is not None and mood > 1 - BACK else new

    def _word(self, field: Field, side: Side, dice: random.Random) -> str:
        """A value nobody typed before, such as this field takes."""
        self._typed += 1
        if field.digits:
            return f"{10_000 + (self.seed * 7_919 + self._typed * 13) % 89_000:05d}"
        mood = dice.choice(("", " ", "é", "'s", " & Sons"))
        word, rest = field.left.capitalize(), f" {self._typed}{side.value[0].upper()}{mood}"
        return f"{word[: field.most - len(rest)] if field.most is not None else word}{rest}".strip()

    def _delete(self, dice: random.Random) -> None:
        """As people do: into the recycle bin."""
        thing = dice.choice(self._things)
        side = dice.choice([side for side in Side if thing.id(side) is not None])
        self._act(thing.trade.map, side, "archive", id=thing.id(side))
        self._deleted.append((thing.trade.map, side, str(thing.id(side))))
        self._forget(thing)
        self.acts["delete"] += 1

    def _restore(self, dice: random.Random) -> None:
        if self._deleted:
            m, side, id_ = self._deleted.pop(dice.randrange(len(self._deleted)))
            self._act(m, side, "restore", id=id_)
            self.acts["restore"] += 1

    def _merge(self, dice: random.Random) -> None:
        """Two records of one side that somebody takes for one."""
        thing = dice.choice(self._things)
        side = dice.choice([side for side in Side if thing.id(side) is not None])
        others = [one for one in self._things if one.trade is thing.trade and one.id(side) and one is not thing]
        if others:
            other = dice.choice(others)
            self._act(thing.trade.map, side, "merge", id=other.id(side), into=thing.id(side))
            self._forget(thing, other)
            self.acts["merge"] += 1

    def _own_act(self, dice: random.Random) -> None:
        """What only this CRM's people do."""
        crm = self.stage.crm
        thing = dice.choice(self._things)
        if thing.left is not None and thing.trade.map.left.system == crm.name:
            word = crm.act(self.stage.left, thing.trade.map.left.kind, thing.left)
            if word is not None:
                self._forget(thing)
                self.acts[word] += 1

    def _decide(self, dice: random.Random) -> None:
        """Somebody takes a side in one of the open conflicts; if its values have moved since, they look again later."""
        with self.world.store.read() as tx:
            asked = tx.conflicts.list(states=["open"], limit=200)
        if asked:
            with suppress(ConfigError):
                take(self.world, dice.choice(asked).id, str(dice.choice(list(Side))))
                self.acts["decision"] += 1

    def _forget(self, *gone: Thing) -> None:
        """Nobody works on these until the next look around."""
        self._things = [one for one in self._things if one not in gone]
        self._hot = [one for one in self._hot if one not in gone]

    def _make(self, dice: random.Random) -> None:
        self._typed += 1
        number = f"{self.seed}x{self._typed}"
        dice.choice((self._make_lead, self._make_customer))(number)
        self.acts["new"] += 1

    def _make_lead(self, number: str) -> None:
        self.stage.crm.make_lead(self.stage.left, number)

    def _make_customer(self, number: str) -> None:
        remote, who = self.stage.right, HAND
        fields: dict[str, Any] = {
            "first_name": f"Neu{number}", "last_name": f"Kunde{number}", "email": f"kunde{number}@example.com",
            "display_name": f"Neu{number} Kunde{number}", "record_type_name": "Customer", "status_name": "Active",
        }  # fmt: skip
        made = remote.act("create", "contacts", fields=fields, as_=who)
        job = {
            "name": f"Job {number}", "record_type_name": "Roofing", "status_name": "Lead",
            "primary": {"id": made["id"]},
        }  # fmt: skip
        remote.act("create", "jobs", fields=job, as_=who)

    def _look(self, dice: random.Random) -> None:
        if self._things and time.monotonic() - self._looked < LOOK_EVERY:
            return
        self._trades = self._trades or trades(self.world)
        self._things = things(self.world, self.stage.vendors, self._trades)
        whole = [thing for thing in self._things if thing.whole]
        self._hot = [thing for thing in self._hot if thing in whole]
        self._hot += dice.sample(whole, min(HOT_RECORDS - len(self._hot), len(whole)))
        self._looked = time.monotonic()

    def _act(self, m: FieldMap, side: Side, do: str, **more: Any) -> None:
        end = m.end(side)
        who = HAND if end.system == RIGHT else self.stage.crm.hand
        self.stage.vendors[end.system].act(do, end.kind, **more, as_=who)


@contextmanager
def at_work(crowd: Crowd) -> Iterator[threading.Thread]:
    """People act for as long as the block lasts; what went wrong with them is raised at its end."""
    stop, trouble = threading.Event(), list[Exception]()

    def work() -> None:
        try:
            crowd.work(stop)
        except Exception as error:  # noqa: BLE001 - it is raised where it can be heard
            trouble.append(error)

    thread = threading.Thread(target=work, name="crowd")
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join()
    if trouble:
        raise trouble[0]
