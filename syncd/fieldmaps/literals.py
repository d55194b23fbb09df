"""Options that a condition compares with, checked against the pick list: a misspelled one would never be true.

What is not here: the expression itself (`expressions`), which CEL checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from syncd.core.model import FieldKind, FieldType
from syncd.fieldmaps.source import nearest

COMPARED = re.compile(r"(?<![\w.])((?:left|right)\.\w+)\s*(?:==|!=|in)\s*(\[[^\]]*\]|'[^']*'|\"[^\"]*\")")
LITERAL = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def strange_literals(source: str, types: Mapping[str, FieldType | None]) -> Iterator[tuple[int, str, str]]:
    """Where a pick-list field is compared with something that is no option of it: position, sentence, remedy."""
    for compared in COMPARED.finditer(source):
        listed = types.get(compared[1])
        if listed is None or listed.kind is not FieldKind.ENUM or not listed.options or listed.open_options:
            continue
        values = {option.value for option in listed.options}
        for literal in LITERAL.finditer(compared[2]):
            text = literal[1] if literal[1] is not None else literal[2]
            if text and text not in values:
                remedy = next((f"Write {item.value!r}." for item in listed.options if item.label == text), "")
                yield (
                    compared.start(2) + literal.start(),
                    f"{listed.name} has no option {text!r}, so this is never equal.",
                    remedy or nearest(text, values),
                )
