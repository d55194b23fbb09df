"""A map in its compiled form: rules, conditions, match keys. What the planner reads.

What is not here: YAML (`syncd.fieldmaps` compiles it into this) and the decision itself (`plan`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from syncd.core.model import FieldType, Ref, Side, Value


class Direction(StrEnum):
    """Which way a rule carries a value. CREATE: once, when the record on the other side is made."""

    BOTH = "<->"
    RIGHT = "->"
    LEFT = "<-"
    CREATE = "create"


class Owner(StrEnum):
    """Who wins when both sides changed one field (a rule's `owner`, a map's `first_link`)."""

    LEFT = "left"
    RIGHT = "right"
    NEWEST = "newest"
    ASK = "ask"


class Drift(StrEnum):
    """What a person's edit on the target of a one-way rule meets."""

    KEEP = "keep"
    RESTORE = "restore"
    ASK = "ask"


class Blank(StrEnum):
    """Whether a blank travels like any value, or never."""

    FLOW = "flow"
    IGNORE = "ignore"


class Unmapped(StrEnum):
    """What a value without a counterpart does: PARK the record with the reason, or SKIP this field."""

    PARK = "park"
    SKIP = "skip"


class Leave(StrEnum):
    """What happens to a link whose record no longer meets the map's `only`."""

    STOP = "stop"
    UNLINK = "unlink"
    KEEP = "keep"


class Unconvertible(Exception):
    """A value has no counterpart on the other side; the text says so in plain words and names the remedy."""


class Converter(Protocol):
    """Translates one field's value between the sides. Pure; bound to both field types when the map is compiled."""

    def convert(self, value: Value, to: Side) -> Value:
        """The value as `to` would hold it; None stays None. Raises Unconvertible."""

    def key(self, value: Value, side: Side) -> str | None:
        """The normal form in which values of both sides are compared for matching; None: nothing to compare."""

    def equal(self, left: Value, right: Value) -> bool:
        """Whether the two sides' values mean the same, up to what either field loses; never raises."""

    def alike(self, left: Value, right: Value) -> bool:
        """The same for values that are not blank, neither of which is what the other converts to."""

    def exact(self) -> Converter:
        """The same without a fallback: what has no counterpart of its own is Unconvertible."""


class Expression(Protocol):
    """A compiled CEL expression over `left` and `right`, the fields of a record by name.

    `reads` names what it looks at, per side: a change of one of these fields is a change for the map.
    """

    @property
    def reads(self) -> Mapping[Side, frozenset[str]]:
        """The fields it looks at."""

    def value(self, fields: Mapping[Side, Mapping[str, Value]]) -> Value:
        """Its value; fields of a side not given are blank. Raises Unconvertible when it cannot be worked out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What makes a rule a relation: its values are ids of records that another map links."""

    map: str
    create: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of a map. `name` is unique in the map. A side without a field is None (an `expr` or a receipt).

    `receipt`: the sync's own word (`sync.state`) written to the one field given.
    """

    name: str
    left: str | None
    right: str | None
    left_type: FieldType | None = None
    right_type: FieldType | None = None
    direction: Direction = Direction.BOTH
    owner: Owner | None = None
    convert: Converter
    drift: Drift = Drift.KEEP
    on_blank: Blank = Blank.FLOW
    unmapped: Unmapped = Unmapped.PARK
    expr: Expression | None = None
    receipt: str | None = None
    relation: Relation | None = None

    @property
    def identity(self) -> str:
        """What base belongs to: a rule that was pointed at another field is another rule."""
        return f"{self.name}|{self.left or ''}|{self.right or ''}"

    def field(self, side: Side) -> str | None:
        """The vendor's field name on a side."""
        return self.left if side is Side.LEFT else self.right

    def type(self, side: Side) -> FieldType | None:
        """The field's type on a side."""
        return self.left_type if side is Side.LEFT else self.right_type

    def flows(self, to: Side) -> bool:
        """Whether a change may travel to this side after creation."""
        return self.direction is Direction.BOTH or self.direction is (
            Direction.RIGHT if to is Side.RIGHT else Direction.LEFT
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a match key: any value of any of these rules' fields. `sync_key` has no rules."""

    name: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """One match key: every part must be equal. Its name is what the admin wrote (`phone + lastname`)."""

    name: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """From which score on (0 to 1) two records are linked, and from which on a person is asked; below it is new."""

    link: float
    ask: float


MOST_SHARING = 3
"""How many records of a side may carry one value before it is nobody's own: an office's phone, `info@`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Which values are nobody's own: those that more than `most` records of a side carry, and these `values`.

    `values` are in the normal form in which values are compared.
    """

    most: int = MOST_SHARING
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a map: the system, the kind, and what a creation there carries beside the rules.

    `quiet`: keep the vendor's automations out of our writes. `sync_key`: the field that holds our key.
    `when`: a record of the *other* side is created here when this holds; None: never created here.
    """

    system: str
    kind: str
    on_create: Mapping[str, Value] = field(default_factory=dict)
    quiet: bool = False
    sync_key: str | None = None
    when: Expression | None = None
    delete: str = "flag"

    def ref(self, id: str) -> Ref:
        """A record of this end by its id."""
        return Ref(self.system, self.kind, id)


@dataclass(frozen=True, slots=True)
class Continued:
    """Records of map `map` become records of another map; `field` of these, on `side`, holds the ids that they had."""

    map: str
    side: Side
    field: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FieldMap:
    """A whole map, compiled against both schemas. `key` is unique in the house (`pair/map`); `digest` its content's.

    `after`: keys of maps whose links come first. `lane`: the due order; "lead" goes before "normal".
    `continues`: the map whose records become records of this one (leads become contacts), if there is one.
    `score`: how alike two records must be that no match key joins; None: only match keys count.
    `left_out`: the fields of optional parts that the systems do not describe.
    """

    key: str
    name: str
    digest: str
    left: End
    right: End
    rules: tuple[Rule, ...]
    only: Expression | None = None
    leave: Leave = Leave.STOP
    link: tuple[Match, ...] = ()
    ask: tuple[Match, ...] = ()
    score: Bands | None = None
    shared: Shared = Shared()
    first_link: Owner = Owner.ASK
    after: tuple[str, ...] = ()
    continues: Continued | None = None
    lane: str = "normal"
    left_out: frozenset[tuple[Side, str]] = frozenset()

    def end(self, side: Side) -> End:
        """The end on a side."""
        return self.left if side is Side.LEFT else self.right

    def custom(self, side: Side) -> frozenset[str]:
        """The custom fields of a side that a rule names."""
        return frozenset(type_.name for rule in self.rules if (type_ := rule.type(side)) is not None and type_.custom)

    def reads(self, side: Side) -> frozenset[str]:
        """Every field of a side that this map looks at: in a rule, `only`, `when`, an expression or the sync key."""
        names = {name for rule in self.rules if (name := rule.field(side))}
        expressions = [self.only, self.left.when, self.right.when, *(rule.expr for rule in self.rules)]
        for expression in expressions:
            if expression is not None:
                names |= expression.reads[side]
        if key := self.end(side).sync_key:
            names.add(key)
        if self.continues is not None and self.continues.side is side:
            names.add(self.continues.field)
        return frozenset(names)
