"""How many of something, as people say it."""

from __future__ import annotations

from syncd.core.plural import counted


def test_one_is_one_and_all_else_is_many() -> None:
    """Nothing is many, too; a word that takes no plain s brings its own."""
    assert [counted(n, "record") for n in (0, 1, 2)] == ["0 records", "1 record", "2 records"]
    assert [counted(n, "match", "matches") for n in (1, 2)] == ["1 match", "2 matches"]
