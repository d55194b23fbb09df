"""What is counted is told as people count: one record, two records.

What is not here: the words themselves (`syncd.core.plural`).
"""

from __future__ import annotations

import ast
import re

from tests.house.tree import parsed, python

COUNTED = re.compile(
    r" (?:\w+ )?(?:records|fields|links|conflicts|cases|rules|maps|requests|matches|writes|edits|kills|polls|rows|"
    r"leads|differences|duplicates|breaches|questions)\b"
)
"""A count, at most one word, and what is counted: in the plural, whatever the count."""


def test_a_count_and_its_word_agree() -> None:
    """A person reads what the rooms below say, too: a number in front of a plural comes from `counted`."""
    rooms = ("syncd/cli/", "syncd/app", "syncd/service/", "syncd/engine/", "syncd/core/", "syncd/lab/play")
    found = []
    for path in python(*rooms):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.JoinedStr):
                for count, word in zip(node.values, node.values[1:], strict=False):
                    text = word.value if isinstance(word, ast.Constant) else ""
                    if isinstance(count, ast.FormattedValue) and COUNTED.match(str(text)):
                        found.append(f"{path}:{node.lineno}")
    assert found == []
