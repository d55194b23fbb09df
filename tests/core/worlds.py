"""Rules, records and bases of every sort, for the laws of the decision; and a world seen in a mirror.

What is not here: the laws.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from syncd.core.decision import Decision, Taken, Verdict
from syncd.core.fieldmap import Blank, Converter, Direction, Drift, Owner, Rule, Unconvertible, Unmapped
from syncd.core.model import FieldKind, Loss, Side, Value
from syncd.core.plan import sides
from tests.core.maps import ABSENT, LEFT, OURS, PARENT, PARENTS, RIGHT, THEIRS, Case, Join, field, relation, rule

K = FieldKind
TWINS = {("p/people", LEFT, f"c{n}"): f"p{n}" for n in "123"} | {("p/people", RIGHT, f"p{n}"): f"c{n}" for n in "123"}
BECAME = {("p/people", LEFT, "c8"): "c1", ("p/people", RIGHT, "p8"): "p1"}
"""On either side the eighth was merged into the first."""
TWINS |= {("p/people", LEFT, "c8"): "p1", ("p/people", RIGHT, "p8"): "c1"}
LIST, LISTE = field(K.ENUM, "red", "blue", "green", "pink"), field(K.ENUM, "rot", "gruen", "rosa")
TABLE = {"red": ["rot"], "blue": "rot", "green": "gruen"}
SHORT = field(loss=Loss(max_length=3))
CENTS = field(K.NUMBER, loss=Loss(decimals=2))


@dataclass(frozen=True)
class Sort:
    """A sort of rule, and the values its two fields may hold."""

    rule: Rule
    left: st.SearchStrategy[Any]
    right: st.SearchStrategy[Any]


words = st.sampled_from([None, "a", "A", "b", " b ", "abcd", "abce", ""])
names = st.sampled_from([None, "Roof", "Roof (111111)", "Roof (222222)", "Shed", "Shed (111111)"])
numbers = st.sampled_from([None, 0, 1, 1.5, 1.504, 1.496, 2])
ids = st.sampled_from([None, "1", "2", "3", "8", "9"])
lists = st.lists(st.sampled_from("12389"), max_size=3, unique=True)


def _ids(letter: str) -> st.SearchStrategy[Any]:
    return ids.map(lambda n: n and letter + n)


def _lists(letter: str) -> st.SearchStrategy[Any]:
    return lists.map(lambda found: tuple(letter + n for n in found))


SORTS = {
    "text": Sort(rule(), words, words),
    "cut": Sort(rule(right=SHORT), words, words),
    "caseless": Sort(rule(left=field(loss=Loss(caseless=True))), words, words),
    "names": Sort(rule(right=field(unique=True)), names, names),
    "numbers": Sort(rule(left=field(K.NUMBER), right=CENTS), numbers, numbers),
    "list": Sort(
        rule(left=LIST, right=LISTE, values=TABLE),
        st.sampled_from([None, "red", "blue", "green", "pink"]),
        st.sampled_from([None, "rot", "gruen", "rosa"]),
    ),
    "parent": Sort(relation(), _ids("c"), _ids("p")),
    "parents": Sort(relation(left=PARENT, right=PARENTS), _ids("c"), _lists("p")),
    "expression": Sort(rule("->", expr=Join(LEFT, (OURS,))), st.sampled_from(["", "a", "b", "bad"]), words),
}


@st.composite
def cases(draw: st.DrawFn, *, unknown: bool = True, choices: bool = True, one_way: bool = False) -> Case:
    """A linked pair under one rule, in any state; `unknown`: fields may be missing, `choices`: a person may choose."""
    sort = SORTS[draw(st.sampled_from(sorted(SORTS)))]
    seldom = st.integers(0, 9).map(lambda n: n == 0)
    left, right = (draw(st.just(ABSENT) if unknown and draw(seldom) else side) for side in (sort.left, sort.right))
    minutes = st.none() | st.integers(0, 4)
    moments = st.tuples(minutes, minutes)
    case = Case(
        rule=draw(_ruled(sort.rule, one_way)),
        left=left,
        right=right,
        base=draw(st.none() | st.tuples(_shadow(sort.left), _shadow(sort.right))),
        first_link=draw(st.sampled_from([str(owner) for owner in Owner])),
        seen=draw(moments),
        modified=draw(moments),
        exact=draw(moments),
        twins=TWINS,
        became=BECAME,
        asked=draw(seldom),
    )
    return dataclasses.replace(case, taken=draw(_taken(case, sort))) if choices and draw(seldom) else case


def sort_of(case: Case) -> Sort:
    """The sort of rule a case is of."""
    rules = [(sort, sort.rule) for sort in SORTS.values()]
    return next(sort for sort, one in rules if (one.convert, one.expr) == (case.rule.convert, case.rule.expr))


def _shadow(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What base keeps of a side: of several ids one."""
    return values.map(lambda value: (value[0] if value else None) if isinstance(value, tuple) else value)


@st.composite
def _ruled(draw: st.DrawFn, one: Rule, one_way: bool) -> Rule:
    ways = [Direction.BOTH, Direction.BOTH, *Direction]
    if one.expr or one_way:
        ways = [Direction.RIGHT, Direction.CREATE] if one.expr else [Direction.RIGHT, Direction.LEFT]
    return dataclasses.replace(
        one,
        direction=draw(st.sampled_from(ways)),
        owner=draw(st.sampled_from([Owner.NEWEST, *Owner])),
        drift=draw(st.sampled_from(Drift)),
        on_blank=draw(st.sampled_from(Blank)),
        unmapped=draw(st.sampled_from(Unmapped)),
    )


@st.composite
def _taken(draw: st.DrawFn, case: Case, sort: Sort) -> Taken | None:
    """A choice about the values as they are."""
    now = _now(case)
    side = draw(st.sampled_from(Side))
    third = draw(_shadow(sort.left if side is LEFT else sort.right))
    value: Value = draw(st.sampled_from([now[side is RIGHT], third]))
    return Taken(side, value, now)


def _now(case: Case) -> tuple[Value, Value]:
    """Both values as they are; a decision that nothing changed does not tell them."""
    (found, *_) = case.plan().decisions
    if found.verdict is not Verdict.UNCHANGED:
        return found.sides
    try:
        return sides(case.map(), case.shadows(), *case.records(), case.rule)
    except Unconvertible:
        return None, None


@dataclass(frozen=True)
class Turned:
    """A converter between the same two fields, with the sides exchanged."""

    inner: Converter

    def convert(self, value: Value, to: Side) -> Value:
        """The inner one's, the other way."""
        return self.inner.convert(value, to.other)

    def key(self, value: Value, side: Side) -> str | None:
        """The inner one's, of the other side."""
        return self.inner.key(value, side.other)

    def equal(self, left: Value, right: Value) -> bool:
        """The inner one's, turned."""
        return self.inner.equal(right, left)

    def alike(self, left: Value, right: Value) -> bool:
        """The inner one's, turned."""
        return self.inner.alike(right, left)

    def exact(self) -> Converter:
        """The inner one's, turned."""
        return Turned(self.inner.exact())


WAYS = {Direction.RIGHT: Direction.LEFT, Direction.LEFT: Direction.RIGHT}
OWNERS = {Owner.LEFT: Owner.RIGHT, Owner.RIGHT: Owner.LEFT}


def mirrored(case: Case) -> Case:
    """The same world with left and right exchanged."""
    one, taken = case.rule, case.taken
    turned = dataclasses.replace(
        one,
        left_type=one.right_type,
        right_type=one.left_type,
        direction=WAYS.get(one.direction, one.direction),
        owner=OWNERS.get(one.owner, one.owner) if one.owner else None,
        convert=Turned(one.convert),
        expr=Join(RIGHT, (THEIRS,)) if one.expr else None,
    )
    first = Owner(case.first_link)
    return dataclasses.replace(
        case,
        rule=turned,
        left=case.right,
        right=case.left,
        base=case.base and case.base[::-1],
        first_link=str(OWNERS.get(first, first)),
        seen=case.seen[::-1],
        modified=case.modified[::-1],
        exact=case.exact[::-1],
        twins={(key, side.other, id_): twin for (key, side, id_), twin in case.twins.items()},
        became={(key, side.other, id_): now for (key, side, id_), now in case.became.items()},
        ids=case.ids[::-1],
        taken=taken and Taken(taken.side.other, taken.value, taken.sides[::-1]),
    )


def essence(decision: Decision) -> dict[str, object]:
    """A decision without its words."""
    return {
        "verdict": decision.verdict,
        "to": decision.to,
        "before": decision.before,
        "after": decision.after,
        "settle": dict(decision.settle),
        "lost": decision.lost,
        "sides": decision.sides,
        "waits": decision.waits_for and decision.waits_for.id,
        "park": decision.park,
    }


def turned(decision: Decision) -> dict[str, object]:
    """The essence of a decision, seen in the mirror."""
    found = essence(decision)
    return found | {
        "to": decision.to and decision.to.other,
        "settle": {side.other: value for side, value in decision.settle.items()},
        "lost": decision.lost and (decision.lost[0].other, decision.lost[1]),
        "sides": decision.sides[::-1],
    }
