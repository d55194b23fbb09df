"""Files and functions stay small enough to be read in one sitting."""

from __future__ import annotations

from tests.house.tree import ROOT, functions, python

FILE = 400
FUNCTION = 40
# Functions that may be longer, each with its reason: "path:name" -> reason.
LONGER: dict[str, str] = {}


def test_no_file_is_longer_than_400_lines() -> None:
    """A file of syncd or of a connector that needs more than 400 lines is two files."""
    texts = {str(path): (ROOT / path).read_text(encoding="utf-8") for path in python("syncd/", "connectors/")}
    lengths = {path: len(text.splitlines()) for path, text in texts.items()}
    assert {path: length for path, length in lengths.items() if length > FILE} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    """A function of syncd or of a connector that needs more than 40 lines is two functions."""
    lengths = {
        f"{path}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in python("syncd/", "connectors/")
        for function in functions(path)
    }
    assert {name: length for name, length in lengths.items() if length > FUNCTION and name not in LONGER} == {}
    assert {name for name in LONGER if lengths.get(name, 0) <= FUNCTION} == set(), "no longer needs an exception"
