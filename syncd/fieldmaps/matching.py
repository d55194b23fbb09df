"""Match keys: `phone + lastname` turned into the rules whose values are compared.

What is not here: comparing (`syncd.core.match`).
"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.core.fieldmap import Match, Part
from syncd.core.values import BUILDERS
from syncd.fieldmaps.form import Form
from syncd.fieldmaps.rules import Line
from syncd.fieldmaps.source import Report, Scalar, nearest

SYNC_KEY = "sync_key"


def compile_matches(form: Form, key: str, lines: Sequence[Line]) -> tuple[Match, ...]:
    """The keys of `match.link` or `match.ask`, in their order."""
    found = []
    for scalar in form.texts(key):
        parts = tuple(_part(word.strip(), scalar, lines, form.report) for word in (scalar.text or "").split("+"))
        found.append(Match(scalar.text or "", tuple(part for part in parts if part is not None)))
    return tuple(found)


def _part(word: str, scalar: Scalar, lines: Sequence[Line], report: Report) -> Part | None:
    if word == SYNC_KEY:
        return Part(SYNC_KEY, ())
    usable = [line for line in lines if line.rule.left and line.rule.right and not line.rule.expr]
    usable = [line for line in usable if not line.rule.relation]
    rules = [line.rule for line in usable if word in (line.convert, line.rule.name, line.rule.left, line.rule.right)]
    if rules:
        return Part(word, tuple(rules))
    known = {SYNC_KEY, *(name for line in usable for name in (line.rule.left, line.rule.right, line.convert) if name)}
    remedy = nearest(word, known)
    if word in BUILDERS:
        remedy = f"Give a rule `convert: {word}` first."
    report.error(scalar.place, f"No rule compares {word!r}.", remedy)
    return None
