"""Another value than either side's for a conflict: how it is asked for, and what was typed in the left side's terms.

What is not here: deciding with it (`engine.answers`), which takes what was typed as the left field's kind of value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from syncd.core.fieldmap import Rule
from syncd.core.model import FieldKind, FieldType, Option, Side
from syncd.core.plural import counted
from syncd.errors import ConfigError, Problem

CHOICES = 500
"""Options of a field that a form offers; beyond, one is typed."""

LONGEST = 10_000
"""Letters of a text, where the field does not say how many it keeps."""

_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")


@dataclass(frozen=True, slots=True)
class Entry:
    """How a value is asked for. `how`: choose, date, number, lines or text; `options`: to choose from, or proposed.

    `hint`: how it is written, where that needs saying.
    """

    label: str
    how: str
    options: Sequence[Option] = ()
    hint: str = ""
    longest: int = LONGEST


_HOW: Mapping[FieldKind, tuple[str, str]] = {
    FieldKind.NUMBER: ("number", ""),
    FieldKind.DATE: ("date", ""),
    FieldKind.DATETIME: ("text", "Written as 2026-03-02 09:00 UTC."),
    FieldKind.MULTI: ("text", "Several are written with a semicolon between them."),
}

_YES, _NO = Option("true", "yes"), Option("false", "no")


def entry(rule: Rule, *, lines: bool = False) -> Entry | None:
    """How another value is asked for; None where no one could be written. `lines`: what it replaces has several."""
    kind = rule.left_type or FieldType(name=rule.name, kind=FieldKind.TEXT)
    if rule.left is None or rule.expr is not None or rule.relation is not None or not rule.flows(Side.RIGHT):
        return None
    if kind.read_only or kind.create_only or kind.calculated or kind.kind in (FieldKind.REF, FieldKind.USER):
        return None
    label, longest = kind.label or rule.left, min(kind.loss.max_length or LONGEST, LONGEST)
    if kind.kind is FieldKind.BOOL:
        return Entry(label, "choose", (_YES, _NO))
    if kind.kind is FieldKind.ENUM and kind.options:
        few = len(kind.options) <= CHOICES
        how = "choose" if few and not kind.open_options else "text"
        return Entry(label, how, kind.options if few else (), longest=longest)
    how, hint = _HOW.get(kind.kind, ("lines" if lines else "text", ""))
    options = kind.options if len(kind.options) <= CHOICES and kind.kind is FieldKind.MULTI else ()
    return Entry(label, how, options, hint, longest)


def typed(rule: Rule, text: str) -> str:
    """What was typed, as the left field would hold it. Raises ConfigError saying how it is written."""
    kind = rule.left_type or FieldType(name=rule.name, kind=FieldKind.TEXT)
    if entry(rule) is None:
        raise ConfigError(Problem(rule.name, "takes no other value.", "Take one side's."))
    text = text.replace("\r\n", "\n")
    label = kind.label or rule.name
    made = _read(kind, text)
    if made is None:
        raise ConfigError(Problem(label, "cannot be that.", _remedy(kind)))
    longest = min(kind.loss.max_length or LONGEST, LONGEST)
    if len(made) > longest:
        raise ConfigError(Problem(label, f"keeps no more than {counted(longest, 'letter')}.", "Write less."))
    return made


def _option(kind: FieldType, text: str) -> str | None:
    """What is stored for an option that was named by its value or as people see it."""
    stored = {one.value for one in kind.options}
    if not kind.options or text in stored:
        return text
    by_label = {one.label.casefold(): one.value for one in kind.options if one.label}
    return by_label.get(text.casefold(), text if kind.open_options else None)


def _options(kind: FieldType, text: str) -> str | None:
    found = [_option(kind, one) for part in text.split(";") if (one := part.strip())]
    return None if None in found or not found else ";".join(one for one in found if one is not None)


def _number(text: str) -> str | None:
    return text if _NUMBER.fullmatch(text) else None


def _flag(text: str) -> str | None:
    return {"true": "true", "yes": "true", "false": "false", "no": "false"}.get(text.casefold())


def _date(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _moment(text: str) -> str | None:
    """A time with its zone, as every system's are kept: in UTC, without thousandths where there are none."""
    try:
        at = datetime.fromisoformat(re.sub(r"\s*UTC$", "+00:00", text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if not re.search(r"(Z|UTC|[+-]\d\d:?\d\d)$", text):
        return None
    exact = "milliseconds" if at.microsecond >= 1000 else "seconds"
    return at.isoformat(timespec=exact).replace("+00:00", "Z")


_SIMPLE: Mapping[FieldKind, Callable[[str], str | None]] = {
    FieldKind.NUMBER: _number, FieldKind.BOOL: _flag, FieldKind.DATE: _date, FieldKind.DATETIME: _moment,
}  # fmt: skip


def _read(kind: FieldType, text: str) -> str | None:
    """What the field would hold of it; None where it cannot hold that."""
    if kind.kind is FieldKind.ENUM:
        return _option(kind, text)
    if kind.kind is FieldKind.MULTI:
        return _options(kind, text)
    simple = _SIMPLE.get(kind.kind)
    return simple(text) if simple is not None else text


def _remedy(kind: FieldType) -> str:
    if kind.kind is FieldKind.NUMBER:
        return "Write a number like 1234.5."
    if kind.kind is FieldKind.DATE:
        return "Write a day like 2026-03-02."
    if kind.kind is FieldKind.DATETIME:
        return "Write a time with its zone, like 2026-03-02 09:00 UTC."
    named = ", ".join(one.label or one.value for one in kind.options[:10])
    more = ", and more" if len(kind.options) > 10 else ""
    return f"Known: {named}{more}."
