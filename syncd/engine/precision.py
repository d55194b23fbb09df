"""Which values lose something on their way across: what comes back is another one. Pure.

What is not here: whether a value is written at all (`weighing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from syncd.core.decision import Decision
from syncd.core.fieldmap import Rule, Unconvertible
from syncd.core.loss import image, same
from syncd.core.model import FieldType, Record, Side, Value
from syncd.core.sight import plain


def loses(d: Decision, records: Mapping[Side, Record]) -> bool:
    """Whether what a decision writes says less than what it comes from: cut, rounded, or one value for several."""
    rule, to = d.rule, d.to
    if to is None or to.other not in d.settle or rule.relation is not None or rule.expr is not None:
        return False
    source, wanted = d.settle[to.other], d.settle.get(to)
    if rule.receipt is not None or source is None or wanted is None:
        return False
    return _loses(rule, to, plain(rule, to.other, source, records[to].ref), wanted)


def _loses(rule: Rule, to: Side, source: Value, wanted: Value) -> bool:
    kept = image(wanted, _spelled(rule.type(to)))
    if not same(kept, wanted, None):
        return True
    exact = rule.convert.exact()
    try:
        back = exact.convert(kept, to.other)
    except Unconvertible:
        return True
    left, right = (source, kept) if to is Side.RIGHT else (kept, source)
    return not same(back, source, rule.type(to.other)) and not exact.alike(left, right)


def _spelled(kind: FieldType | None) -> FieldType | None:
    """The field as if it told letters of another case apart: that a vendor folds them is no loss to anybody."""
    return replace(kind, loss=replace(kind.loss, caseless=False)) if kind is not None else None
