"""A changed setting of a pair changes nothing else of the file."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.config.edit import GUARDS, set_pair
from syncd.errors import ConfigError
from tests.house.tree import ROOT

EXAMPLE = (ROOT / "config.example.toml").read_text(encoding="utf-8")
SHAPES = {
    "tables": '# top\n[pairs.sales] # mine\nleft = "a"\nmode = "plan"   # soon\nguard = {creates = 1} # few\n',
    "inline": 'pairs = {sales = {left = "a", mode = "plan"}}\n[syncd]\nstore = "x"\n',
    "dotted": '[pairs]\nsales.left = "a"\nsales.mode = "plan"\nother.mode = "live"\n',
    "guard of its own": '[pairs.sales]\nleft = "a"\n\n[pairs.sales.guard]\ncreates = 1\n\n[log]\nlevel = "info"\n',
}
changes = st.dictionaries(
    st.sampled_from(GUARDS), st.integers(0, 10**6), max_size=3
).flatmap(lambda guard: st.fixed_dictionaries({}, optional={
    "mode": st.sampled_from(["plan", "live", "paused"]), "every": st.sampled_from(["30s", "5m"]),
}).map(lambda more: {**guard, **more}))  # fmt: skip


@pytest.mark.parametrize("shape", [*SHAPES.values(), EXAMPLE], ids=[*SHAPES, "example"])
@given(values=changes)
def test_only_what_was_said_changes(shape: str, values: dict[str, Any]) -> None:
    """Read again, the file differs in these settings alone, and every comment is still there."""
    now = set_pair(shape, "sales", values)
    wanted = tomllib.loads(shape)
    guard = {name: value for name, value in values.items() if name in GUARDS}
    wanted["pairs"]["sales"].update({name: value for name, value in values.items() if name not in GUARDS})
    if guard:
        wanted["pairs"]["sales"].setdefault("guard", {}).update(guard)
    assert tomllib.loads(now) == wanted
    assert [part.strip() for part in now.splitlines() if part.startswith("#")] == [
        part.strip() for part in shape.splitlines() if part.startswith("#")
    ]
    assert now.count("#") == shape.count("#")


def test_nothing_said_is_nothing_changed() -> None:
    """Without a change the text is the same, letter by letter."""
    for shape in (*SHAPES.values(), EXAMPLE):
        assert set_pair(shape, "sales", {}) == shape


@pytest.mark.parametrize("text", ["", "pairs = 3\n", "[pairs]\n", "[pairs.other]\nmode = 'plan'\n", "[pairs.sales\n"])
def test_a_pair_that_is_not_there_is_said(text: str) -> None:
    """Whatever the file holds instead."""
    with pytest.raises(ConfigError, match=r"\[pairs.sales\]: cannot be found"):
        set_pair(text, "sales", {"mode": "live"})


def test_other_settings_are_left_alone() -> None:
    """Maps and systems are not changed in this way."""
    with pytest.raises(ConfigError, match="maps: is no setting"):
        set_pair(EXAMPLE, "sales", {"maps": "x"})
