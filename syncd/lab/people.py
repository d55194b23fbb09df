"""People at work in both vendors' pages, at random: they edit, often the same field on both sides, and make records.

What is not here: what must hold of their work afterwards (`laws`), and the stage they play on (`stage`).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd.core.model import Side
from syncd.kit.control import ControlError
from syncd.kit.remote import Remote
from syncd.lab.compare import alive, id_of
from syncd.lab.stage import Stage

HANDS: Mapping[Side, str] = {Side.LEFT: "Dana Reyes", Side.RIGHT: "dana.reyes@example.com"}
"""Who acts, as each vendor knows them."""

CLASH = 0.25
"""How often somebody edits the same field of the same thing on the other side, in the very same moment."""

HOT = 0.5
"""How often it is one of the few records that everybody works on today."""

HOT_RECORDS = 12
SAME = 0.15
"""How often both hands of a clash type the very same."""

BLANK, BACK = 0.06, 0.06
"""How often somebody clears the field, or puts back what they typed before."""

CLEARED = ("company", "city", "zip", "claim_number", "cf_string_1", "insurance_carrier", "cf_string_2")
"""Fields that people clear now and then; names they do not."""

NEW = 0.04
"""How often somebody makes a new record instead of editing one."""

LOOK_EVERY = 3.0
"""Seconds after which people look again which records there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One sort of record: its kind and editable fields on both sides, pairwise, and the right field with our key."""

    left: str
    right: str
    key: str
    fields: Sequence[tuple[str, str]]

    def kind(self, side: Side) -> str:
        """The vendor's kind on a side."""
        return self.left if side is Side.LEFT else self.right


TRADES = (
    Trade(
        left="contacts", right="contacts", key="cf_string_1",
        fields=(("firstname", "first_name"), ("lastname", "last_name"), ("company", "company"), ("city", "city"),
                ("zip", "zip")),
    ),
    Trade(
        left="deals", right="jobs", key="cf_string_4",
        fields=(("dealname", "name"), ("claim_number", "cf_string_1"), ("insurance_carrier", "cf_string_2")),
    ),
)  # fmt: skip
"""What people edit: fields that both vendors keep as they are typed."""

Pairing = tuple[Trade, str | None, str | None]
"""A thing: its trade, its id on the left, its id on the right; None where it has not arrived yet."""


@dataclass(slots=True)
class Crowd:
    """Several people as one thread. Nearly every value they type is new, so that it can be told whose it is.

    `per_second`: how often they act, as far as the vendors keep up. `acts` counts what they did, by word.
    """

    stage: Stage
    seed: int = 1
    per_second: float = 10.0
    acts: dict[str, int] = field(default_factory=lambda: {"edit": 0, "clash": 0, "new": 0, "refused": 0})
    _typed: int = 0
    _things: list[Pairing] = field(default_factory=list)
    _hot: list[Pairing] = field(default_factory=list)
    _looked: float = 0.0
    _before: dict[tuple[str, str], str] = field(default_factory=dict)

    def work(self, stop: threading.Event) -> None:
        """Act until told to stop."""
        dice = random.Random(f"people:{self.seed}")
        while not stop.is_set():
            self._look(dice)
            self.act(dice)
            stop.wait(dice.expovariate(self.per_second))

    def act(self, dice: random.Random) -> None:
        """One act of somebody."""
        self._look(dice)
        try:
            if dice.random() < NEW or not self._things:
                self._make(dice)
                return
            self._edit(dice)
        except ControlError:
            # A vendor's page refuses what its own rules forbid (a name that is taken); people shrug and go on.
            self.acts["refused"] += 1

    def _edit(self, dice: random.Random) -> None:
        trade, left, right = dice.choice(self._hot if self._hot and dice.random() < HOT else self._things)
        names = dice.choice(trade.fields)
        present = [side for side, id_ in ((Side.LEFT, left), (Side.RIGHT, right)) if id_ is not None]
        sides = present if dice.random() < CLASH else [dice.choice(present)]
        dice.shuffle(sides)
        same = self._word(names[0], sides[0], dice) if dice.random() < SAME else None
        for side in sides:
            name, id_ = (names[0], left) if side is Side.LEFT else (names[1], right)
            value = same or self._value(str(id_), name, side, dice)
            self._remote(side).act("update", trade.kind(side), id=id_, fields={name: value}, as_=HANDS[side])
        self.acts["clash" if len(sides) > 1 else "edit"] += 1

    def _value(self, id_: str, name: str, side: Side, dice: random.Random) -> str:
        """A new value mostly; at times none, or the one typed before."""
        mood = dice.random()
        if mood < BLANK and name in CLEARED:
            return ""
        new = self._word(name, side, dice)
        old, self._before[id_, name] = self._before.get((id_, name)), new
        return old if old is not None and mood > 1 - BACK else new

    def _word(self, name: str, side: Side, dice: random.Random) -> str:
        """A value nobody typed before, such as this field takes."""
        self._typed += 1
        if name == "zip":
            return f"{10_000 + (self.seed * 7_919 + self._typed * 13) % 89_000:05d}"
        mood = dice.choice(("", " ", "é", "'s", " & Sons"))
        return f"{name.capitalize()} {self._typed}{side.value[0].upper()}{mood}".strip()

    def _make(self, dice: random.Random) -> None:
        self._typed += 1
        number = f"{self.seed}x{self._typed}"
        side = dice.choice(list(Side))
        if side is Side.LEFT:
            who = {"firstname": f"New{number}", "lastname": f"Lead{number}", "email": f"lead{number}@example.com"}
            made = self._remote(side).act(
                "create", "contacts", fields={**who, "lifecyclestage": "lead"}, as_=HANDS[side]
            )
            deal = {"dealname": f"Deal {number}", "pipeline": "default", "dealstage": "qualifiedtobuy"}
            self._remote(side).act(
                "create", "deals", fields=deal, associate={"contacts": [made["id"]]}, as_=HANDS[side]
            )
        else:
            self._make_right(number)
        self.acts["new"] += 1

    def _make_right(self, number: str) -> None:
        remote, who = self._remote(Side.RIGHT), HANDS[Side.RIGHT]
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
        self._things = things(self.stage)
        whole = [thing for thing in self._things if thing[1] is not None and thing[2] is not None]
        self._hot = [thing for thing in self._hot if thing in whole]
        self._hot += dice.sample(whole, min(HOT_RECORDS - len(self._hot), len(whole)))
        self._looked = time.monotonic()

    def _remote(self, side: Side) -> Remote:
        return self.stage.left if side is Side.LEFT else self.stage.right


def things(stage: Stage) -> list[Pairing]:
    """Every living record of both sides, paired by the keys that stand in them."""
    found: list[Pairing] = []
    for trade in TRADES:
        left = {id_of(row): row["properties"].get("syncd_id") for row in _living(stage.left, trade.left)}
        right = {id_of(row): row.get(trade.key) for row in _living(stage.right, trade.right)}
        twins = {_id(key): id_ for id_, key in right.items() if key}
        twins.update({id_: _id(key) for id_, key in left.items() if key})
        found += [(trade, id_, twins.get(id_) if twins.get(id_) in right else None) for id_ in left]
        taken = set(twins.values())
        found += [(trade, None, id_) for id_ in right if id_ not in taken]
    return found


def _living(remote: Remote, kind: str) -> list[dict[str, Any]]:
    return [row for row in remote.records(kind) if alive(row) and not row.get("is_user")]


def _id(key: str) -> str:
    return key.rsplit(":", 1)[-1]
