"""`match`: keys such as `phone + lastname` turned into the rules whose values are compared, the score, what is shared.

What is not here: comparing (`syncd.core.match`).
"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.core.fieldmap import MOST_SHARING, Bands, Match, Part, Shared
from syncd.core.model import Side
from syncd.core.traits import Aspect, aspect
from syncd.core.values import BUILDERS
from syncd.fieldmaps.form import Form
from syncd.fieldmaps.rules import Line
from syncd.fieldmaps.source import Report, Scalar, nearest

SYNC_KEY = "sync_key"
MATCH_KEYS = ("link", "ask", "score", "shared")
BAND_KEYS = ("link", "ask")
SHARED_KEYS = ("most", "values")
PERSONAL = (Aspect.PHONE, Aspect.EMAIL)


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


def compile_score(match: Form, lines: Sequence[Line]) -> Bands | None:
    """The bands of `match.score`; None if the map compares by keys alone."""
    if not match.has("score"):
        return None
    form = match.form("score")
    form.only(BAND_KEYS, "score")
    link, ask = (_share(form, key) for key in BAND_KEYS)
    if link is not None and ask is not None and ask > link:
        form.report.error(form.at("ask"), f"`ask` ({ask:g}) is above `link` ({link:g}).", "What is likelier is linked.")
    if not any(aspect(line.rule) is not Aspect.OTHER for line in lines):
        remedy = "Give rules `convert: phone`, `email`, `name`, `address` or `zip`."
        form.report.error(form.table.place, "No rule says who a person is, so there is nothing to score.", remedy)
    return Bands(link=1.0 if link is None else link, ask=1.0 if ask is None else ask)


def _share(form: Form, key: str) -> float | None:
    """A number from 0 to 1; None where it is wrong."""
    text = form.needed(key, "score")
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if 0 <= found <= 1:
        return found
    if form.has(key):
        form.report.error(form.at(key), f"{key} is a number from 0 to 1, not {text!r}.", "0.95 is nearly certain.")
    return None


def compile_shared(match: Form, lines: Sequence[Line]) -> Shared:
    """`match.shared`: how many records may carry a phone or an e-mail of their own, and which are nobody's."""
    form = match.form("shared")
    form.only(SHARED_KEYS, "shared")
    most = form.text("most")
    if most is not None and not (most.isdecimal() and int(most) > 0):
        form.report.error(form.at("most"), f"most is a whole number from 1 up, not {most!r}.")
        most = None
    values = {key for scalar in form.texts("values") for key in _normal(scalar, lines, form.report)}
    return Shared(most=int(most) if most else MOST_SHARING, values=frozenset(values))


def _normal(scalar: Scalar, lines: Sequence[Line], report: Report) -> set[str]:
    """A phone or e-mail as the map's rules compare it."""
    rules = [line.rule for line in lines if aspect(line.rule) in PERSONAL]
    found = {key for rule in rules for side in Side if (key := rule.convert.key(scalar.text, side))}
    if not found:
        message = f"{scalar.text!r} is no phone or e-mail that a rule of this map compares."
        report.error(scalar.place, message, "Rules compare them with `convert: phone` and `convert: email`.")
    return found
