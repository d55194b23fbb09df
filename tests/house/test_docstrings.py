"""Every module says what it is, and every test says what it proves."""

from __future__ import annotations

import ast

from tests.house.tree import ROOT, functions, parsed, python


def test_every_module_has_a_docstring() -> None:
    """A module opens with what it is; nothing is written before its purpose."""
    assert [str(path) for path in python() if not ast.get_docstring(parsed(path))] == []


def test_every_test_has_a_docstring() -> None:
    """A test says in a sentence what it proves, so that its failure says what broke."""
    silent = [
        f"{path}:{function.name}"
        for path in (*python("tests/"), *python("syncd/kit/contract"))
        for function in functions(path)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []


def test_no_comment_postpones_work() -> None:
    """Nothing is left for later in a comment: what is missing is either built or written down for its readers."""
    words = tuple(left + right for left, right in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK")))
    found = [
        f"{path}:{number}"
        for path in python()
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1)
        if any(f"# {word}" in line for word in words)
    ]
    assert found == []
