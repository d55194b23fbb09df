"""A change of a map's text touches nothing else of it. What is not here: the page on which it is made."""

from __future__ import annotations

import difflib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.errors import ConfigError
from syncd.fieldmaps import names, shipped
from syncd.fieldmaps.editing import Add, Drop, Put, Remove, Swap, Written, edit, written
from syncd.fieldmaps.source import Report, parse

MAPS = {name: (shipped() / name).read_text(encoding="utf-8") for name in names(shipped())}
KEYS = ("owner", "direction", "on_blank", "drift", "unmapped", "optional", "convert", "expr", "values", "fallback")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.one_of(TEXTS, st.lists(TEXTS, max_size=3), st.dictionaries(TEXTS, TEXTS, max_size=3))


def plain(text: str) -> Any:
    """What a text says."""
    return parse(text, "map", Report()).plain


def changed(before: str, after: str) -> list[str]:
    """The lines that are not in both."""
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


def comments(text: str) -> list[str]:
    """The comments that stand on lines of their own."""
    return sorted(line.strip() for line in text.splitlines() if line.strip().startswith("#"))


@st.composite
def places(draw: st.DrawFn) -> tuple[str, int]:
    """A rule of a shipped map."""
    text = MAPS[draw(st.sampled_from(sorted(MAPS)))]
    fields = plain(text)["fields"]
    return text, draw(st.integers(0, len(fields) - 1))


@given(places(), st.sampled_from(KEYS), VALUES)
def test_a_key_is_put_and_nothing_else_changes(place: tuple[str, int], key: str, value: Written) -> None:
    """The map says what was put; every other rule, every comment and every other line stay to the letter."""
    text, index = place
    after = edit(text, Put(("fields", index), key, value))
    wanted = plain(text)
    wanted["fields"][index][key] = plain(written(value)) if value != "" else ""
    assert plain(after) == wanted
    assert comments(text) == comments(after)


@given(places(), st.sampled_from(KEYS))
def test_a_key_is_dropped_and_nothing_else_changes(place: tuple[str, int], key: str) -> None:
    """Without a key the map says the rest, and all comments are there; one that is not there changes nothing."""
    text, index = place
    after = edit(text, Drop(("fields", index), key))
    wanted = plain(text)
    had = wanted["fields"][index].pop(key, None)
    assert plain(after) == wanted
    assert comments(text) == comments(after)
    assert had is not None or text == after


@given(places())
def test_what_was_put_and_dropped_again_is_the_text_of_before(place: tuple[str, int]) -> None:
    """A key that was not there leaves no trace."""
    text, index = place
    if "drift" not in plain(text)["fields"][index]:
        assert edit(text, Put(("fields", index), "drift", "ask"), Drop(("fields", index), "drift")) == text


@given(places())
def test_a_rule_is_removed_moved_and_added(place: tuple[str, int]) -> None:
    """Lists are changed by whole entries; moved down and up again, the text is the text of before."""
    text, index = place
    fields = plain(text)["fields"]
    assert plain(edit(text, Remove(("fields",), index)))["fields"] == fields[:index] + fields[index + 1 :]
    rule = {"left": "a", "right": {"custom": "cf_1", "label": "A: b"}, "direction": "->"}
    added = edit(text, Add(("fields",), rule))
    assert plain(added)["fields"] == [*fields, rule]
    assert len(changed(text, added)) == 1
    if index + 1 < len(fields):
        moved = edit(text, Swap(("fields",), index))
        assert plain(moved)["fields"][index : index + 2] == [fields[index + 1], fields[index]]
        assert sorted(moved.splitlines()) == sorted(text.splitlines())


@given(VALUES)
def test_what_is_written_is_read_again(value: Written) -> None:
    """Whatever is typed stands in the text as it was typed: no markup of YAML comes of it."""
    read = plain(f"a: {written(value)}")["a"]
    assert read == value


FORMS = """\
# head
version: 1   # one
fields:
# about a
- left: a        # the left
  right: b
  # in between
  expr: >-
    left.a +
    left.b
- {left: c,  # why
   right: d, owner:
   left}

- left: e
  values:
    one: uno   # first
    # about two
    two: [dos, deux]
"""


def test_other_forms() -> None:
    """Comments behind keys, folded texts, tables over several lines and block tables are edited in their places."""
    after = edit(FORMS, Drop(("fields", 1), "right"), Put(("fields", 0), "right", "x: y"))
    assert "- {left: c,  # why" in after or "- {left: c  # why" in after
    assert '  right: "x: y"' in after
    after = edit(
        FORMS, Put(("fields", 2, "values"), "three", "tres"), Put(("fields", 2, "values"), "one", ["uno", "un"])
    )
    assert changed(FORMS, after) == ["-     one: uno   # first", "+     one: [uno, un]   # first", "+     three: tres"]
    after = edit(FORMS, Put(("fields", 0), "expr", "left.a"), Put(("fields", 2), "values", {"a": "b"}))
    assert "  expr: left.a\n- {left: c" in after and "  values: {a: b}\n" in after
    after = edit(FORMS, Drop(("fields", 0), "left"))
    assert "# the left" in after
    assert edit(edit(FORMS, Swap(("fields",), 0)), Swap(("fields",), 0)) == FORMS


def test_what_cannot_be_edited_is_refused() -> None:
    """Aliases would change two places; a place that is gone and an only rule are told, not guessed."""
    shared = "fields:\n- &a {left: a, right: b}\n- *a\n"
    with pytest.raises(ConfigError, match="touching something else"):
        edit(shared, Put(("fields", 1), "owner", "left"))
    with pytest.raises(ConfigError, match="any more"):
        edit("fields: [{left: a}]", Put(("fields", 7), "owner", "left"))
    with pytest.raises(ConfigError, match="touching something else"):
        edit("fields: [{left: a}]", Remove(("fields",), 0))


def test_no_line_end_and_long_expressions() -> None:
    """The last line may lack its end; a long expression is written below its key where there is room."""
    assert edit("fields:\n- {left: a}", Add(("fields",), {"left": "b"})) == "fields:\n- {left: a}\n- {left: b}\n"
    assert edit("fields:\n- {left: a}\n- {left: b}", Swap(("fields",), 0)) == "fields:\n- {left: b}\n- {left: a}"
    long = "left.firstname == 'x'\n  && " + "left.lastname != '' && " * 6 + "true"
    after = edit("fields:\n- left: a\n  right: b\n", Put(("fields", 0), "expr", long))
    assert re.search(r"\n  expr: \|-\n    left\.firstname", after)
    assert plain(after)["fields"][0]["expr"] == long
