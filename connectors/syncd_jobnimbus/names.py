"""Custom fields: what their names say, and where their value stands in a record.

What is not here: translating values (`values`), and whether a field that is missing exists (`proofs`).
JobNimbus stores custom fields under `cf_TYPE_N`, shows them in records under the display label, under the key, or
both, and tells nowhere which label belongs to which key: the setting `custom_fields` may say it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd.core.model import FieldKind
from syncd.errors import ConfigError, Problem
from syncd_jobnimbus.fields import KINDS

_KEY = re.compile(r"cf_(string|long|double|boolean|date)_[1-9]\d*")
_KINDS_OF_KEYS = {
    "string": FieldKind.TEXT,
    "long": FieldKind.NUMBER,
    "double": FieldKind.NUMBER,
    "boolean": FieldKind.BOOL,
    "date": FieldKind.DATE,
}
_OLDEST_DATE = 100_000_000
"""Below this a number under a label is no unix time (1973)."""


def kind_of_key(name: str) -> FieldKind | None:
    """What a `cf_TYPE_N` key holds; None when the name is no such key."""
    match = _KEY.fullmatch(name)
    return _KINDS_OF_KEYS[match[1]] if match else None


def kind_of_label(label: str, rows: Iterable[Mapping[str, Any]]) -> FieldKind:
    """What a custom field holds that is known by its label only, judged by the values seen under it.

    A number is a date where its label says so or a `cf_date_N` of the same record holds the same number.
    """
    for row in rows:
        wire = row.get(label)
        if isinstance(wire, bool):
            return FieldKind.BOOL
        if isinstance(wire, int | float):
            return FieldKind.DATE if _looks_like_date(label, wire, row) else FieldKind.NUMBER
        if isinstance(wire, str) and wire:
            return FieldKind.TEXT
    return FieldKind.TEXT


def infer_labels(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Labels of `cf_` keys, where records show both: the one label that holds the same as the key in every record.

    Two fields that hold the same everywhere get none. Only for people to read: nothing is written by it.
    """
    twins: dict[tuple[tuple[int, str], ...], tuple[list[str], list[str]]] = {}
    for name in dict.fromkeys(key for row in rows for key in row if looks_custom(key)):
        values = tuple((n, repr(row[name])) for n, row in enumerate(rows) if row.get(name) not in (None, ""))
        if values:
            twins.setdefault(values, ([], []))[kind_of_key(name) is None].append(name)
    return {keys[0]: labels[0] for keys, labels in twins.values() if len(keys) == len(labels) == 1}


def looks_custom(key: str) -> bool:
    """Whether a key that is no standard field is a custom field's key or label: labels have capitals or spaces."""
    return kind_of_key(key) is not None or key != key.lower() or " " in key


@dataclass(frozen=True, slots=True)
class Names:
    """Which label belongs to which key, per kind, as the setting `custom_fields` tells. Empty where it does not."""

    labels: Mapping[tuple[str, str], str] = field(default_factory=dict)
    keys: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def wire_key(self, kind: str, name: str) -> str:
        """What to send: the `cf_` key where it is known, else the name as given."""
        return self.keys.get((kind, name), name)

    def locate(self, kind: str, name: str, row: Mapping[str, Any]) -> str | None:
        """The key of the row that holds this field: `cf_` key, then label, exact before "but for capitals"."""
        key = self.wire_key(kind, name)
        candidates = dict.fromkeys((key, name, self.labels.get((kind, key), name)))
        for candidate in candidates:
            if candidate in row:
                return candidate
        folded = {candidate.casefold() for candidate in candidates}
        found = [other for other in row if other.casefold() in folded]
        return found[0] if len(found) == 1 else None


def parse_names(system: str, text: str) -> Names:
    """Read `jobs.cf_string_3=Roof Type; contacts.cf_string_1=CRM ID`; ConfigError naming each part that is wrong."""
    labels: dict[tuple[str, str], str] = {}
    problems = []
    for part in filter(None, (piece.strip() for piece in text.replace("\n", ";").split(";"))):
        address, _, label = part.partition("=")
        kind, _, key = address.strip().partition(".")
        if kind in KINDS and kind_of_key(key):
            labels[kind, key] = label.strip()
        else:
            message = f"{part!r} does not name a custom field."
            problems.append(Problem(f"systems.{system}.custom_fields", message, "Write jobs.cf_string_3=Roof Type."))
    if problems:
        raise ConfigError(problems)
    return Names(labels, {(kind, label): key for (kind, key), label in labels.items() if label})


def _looks_like_date(label: str, wire: float, row: Mapping[str, Any]) -> bool:
    if wire < _OLDEST_DATE:
        return False
    twin = any(kind_of_key(key) is FieldKind.DATE and value == wire for key, value in row.items())
    return twin or "date" in label.casefold()
