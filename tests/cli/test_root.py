"""The command as a whole: its version and its verbs. Not here: what a verb does."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from syncd import VERSION
from syncd.cli import main

ROOT = Path(__file__).parents[2]


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """--version tells what the package says of itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"syncd {VERSION}\n"


@pytest.mark.parametrize("verb", [[], ["conflicts"], ["map"], ["db"]])
def test_a_group_without_a_verb_shows_its_verbs(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Typed alone, the command and its groups show what can follow."""
    main(verb)
    said = capsys.readouterr()
    assert "Commands:" in said.out + said.err
