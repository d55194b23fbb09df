"""What may be written where a cursor stands in a map. What is not here: how it is shown (`tests/console`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import Side
from syncd.errors import ConfigError
from syncd.fieldmaps import names, shipped
from syncd.fieldmaps.offers import LONGEST, MOST, Offer, Offers, offers
from syncd.fieldmaps.schema import json_schema
from syncd.fieldmaps.source import Report, parse
from tests.fieldmaps.desk import HEAD, SCHEMAS

SCHEMA = json_schema()
MAPS = ("contacts", "quotes")


def at_cursor(text: str) -> tuple[str, Offers]:
    """The text without the `¦` that stands for the cursor, and what is offered there."""
    before, after = text.split("¦", 1)
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return before + after, offers(before + after, line, column, SCHEMA, SCHEMAS, MAPS)


def offered(text: str) -> list[str]:
    """Their names."""
    return [one.name for one in at_cursor(text)[1].items]


def after(text: str, name: str) -> str:
    """The text when the offer of this name is taken."""
    line = text.split("¦", 1)[0].count("\n")
    plain, found = at_cursor(text)
    return put(plain, line + 1, found, next(one for one in found.items if one.name == name))


def put(text: str, line: int, found: Offers, offer: Offer) -> str:
    """As a browser does it."""
    lines = text.split("\n")
    row = lines[line - 1]
    lines[line - 1] = row[: found.start - 1] + offer.insert + row[found.end - 1 :]
    return "\n".join(lines)


def parses(text: str) -> bool:
    """Whether it can be read."""
    try:
        parse(text, "map", Report())
    except ConfigError:
        return False
    return True


def rule(inside: str) -> str:
    """A map with one more rule."""
    return f"{HEAD}fields:\n  - {{left: title, right: name, owner: left}}\n{inside}"


def test_keys_with_what_they_are_for() -> None:
    """A line of its own takes the keys that are not there yet, each with a sentence."""
    found = at_cursor("version: 1\nname: x\n¦")[1]
    told = {one.name: one for one in found.items}
    assert "version" not in told and "name" not in told
    assert told["only"].insert == "only: "
    assert told["lane"].says == "`lead`: who has no twin yet goes before all else."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rule("  - {left: note, ri¦}\n"), ["right"]),
        (rule("  - {left: note, ¦\n"), ["right", "name", "direction", "owner"]),
        (rule("  - left: note\n    ow¦\n"), ["owner"]),
        (rule("  - {left: note, right: text, owner: ¦}\n"), ["left", "right", "newest", "ask"]),
        (rule("  - {left: note, right: text, owner: ne¦}\n"), ["newest"]),
        (rule("  - {left: note, right: text, direction: ¦\n"), ["<->", "->", "<-", "create"]),
        (rule("  - {left: note, right: text, optional: ¦}\n"), ["true", "false"]),
        (rule("  - {left: sta¦}\n"), ["stage"]),
        (rule("  - {left: note, right: roof¦}\n"), ["cf_1"]),
        (rule("  - {left: note, right: {custom: ¦}}\n"), ["cf_1"]),
        (rule("  - {left: note, right: {custom: cf_1, label: ¦}}\n"), ["Roof Type"]),
        (rule("  - {left: stage, right: status, values: {¦}}\n"), ["new", "won", "lost"]),
        (rule("  - {left: stage, right: status, values: {new: ¦}}\n"), ["lead", "sold", "closed"]),
        (rule("  - {left: stage, right: status, values: {new: lead, wo¦}}\n"), ["won"]),
        (rule("  - {left: note, right: text, convert: {phone: {format: ¦}}}\n"), ["keep", "e164", "national"]),
        (f"{HEAD}after: [¦]\n", ["contacts", "quotes"]),
        (f"{HEAD}delete: {{left: ¦}}\n", ["flag", "ignore", "unlink", "archive", "delete"]),
        (f"{HEAD}only: \"left.a¦\"\n", ["amount", "stage", "tags"]),
        (f"{HEAD}only: le¦\n", ["left."]),
        (f"{HEAD}only: |-\n  left.amount > 3 && right.bud¦\n", ["budget"]),
        (f"{HEAD}only: \"left.stage == '¦\"\n", []),
        (f"{HEAD}sync_key: {{left: ke¦}}\n", ["key"]),
        (rule("match:\n  ask: [name + ti¦]\n"), ["title"]),
        ("left: {kind: deals, on_create: {sta¦}}\n", ["stage"]),
        ("left: {kind: deals, on_create: {stage: ¦}}\n", ["new", "won", "lost"]),
        ("name: ¦\n", []),
        ("# own¦\nname: a\n", []),
        ("name: a\nnames:\n  - own¦\n", []),
    ],
)  # fmt: skip
def test_what_is_offered(text: str, expected: list[str]) -> None:
    """Each place takes what the format, the fields, their values and the other maps give it, half typed or whole."""
    found = offered(text)
    assert found[: len(expected)] == expected
    assert bool(found) == bool(expected)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("owner¦: left\n", "fields", None),
        (rule("  - {¦left: note}\n"), "name", rule("  - {name: note}\n")),
        (rule("  - {right: roof¦}\n"), "cf_1", rule("  - {right: {custom: cf_1, label: Roof Type}}\n")),
        (rule("  - {left: note, direction: ¦}\n"), "->", rule('  - {left: note, direction: "->"}\n')),
        (rule('  - {left: note, direction: "¦<-"}\n'), "->", rule('  - {left: note, direction: "->"}\n')),
        (rule("  - {left: note, ow¦}\n"), "owner", rule("  - {left: note, owner: }\n")),
        (f"{HEAD}only: \"left.am¦ou > 3\"\n", "amount", f"{HEAD}only: \"left.amount > 3\"\n"),
        ("😀: 1\nna¦\n", "name", "😀: 1\nname: \n"),
    ],
)  # fmt: skip
def test_what_is_written(text: str, name: str, expected: str | None) -> None:
    """An offer takes the place of the word it began as, in quotes where it needs them, and nothing else changes."""
    if expected is None:
        assert name not in offered(text)
        return
    assert after(text, name) == expected


def test_a_word_that_is_whole_shows_the_others_too() -> None:
    """Whoever opens the list on a word that stands there sees what else might."""
    found = at_cursor(rule("  - {left: note, right: text, owner: left¦}\n"))[1]
    assert found.whole
    assert [one.name for one in found.items] == ["left", "right", "newest", "ask"]
    assert found.title == "Who wins when both sides changed; a two-way rule must say it."


def test_a_long_list_says_that_it_is_cut() -> None:
    """More fields than anybody reads are counted, not hidden."""
    one = next(iter(SCHEMAS[Side.LEFT].fields.values()))
    many: Any = type(SCHEMAS[Side.LEFT])(system="crm", kind="deals", fields={f"f{i}": one for i in range(MOST + 7)})
    found = offers("fields: [{left: }]", 1, 17, SCHEMA, {Side.LEFT: many})
    assert (len(found.items), found.more) == (MOST, 7)


def test_a_text_of_a_book_is_left_alone() -> None:
    """What would be slow at every key is not looked through."""
    assert offers("a" * (LONGEST + 1), 1, 1, SCHEMA, SCHEMAS) == Offers()


@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"', "%YAML 1.3\n---\na: b"])
def test_what_breaks_the_reader_is_a_mistake_of_the_text(text: str) -> None:
    """A letter beyond all letters, or a version of YAML that there is not, is told like any other mistake."""
    with pytest.raises(ConfigError, match="not YAML"):
        parse(text, "map", Report())


def test_every_key_of_the_format_is_explained() -> None:
    """There is no key, and no list of words, about which nothing is said."""
    silent = list(_silent(SCHEMA, ()))
    assert silent == []


def _silent(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, child in node.get("properties", {}).items():
        if not child.get("description", "").endswith(".") and path[-2:] != ("anyOf", "convert"):
            yield (*path, name)
        yield from _silent(child, (*path, name))
    for each in (node.get("items"), node.get("additionalProperties")):
        if isinstance(each, dict):
            yield from _silent(each, (*path, "[]"))
    for each in node.get("anyOf", ()):
        yield from _silent(each, (*path[:-1], "anyOf", *path[-1:]))


def texts() -> list[str]:
    """The maps that we ship."""
    return [Path(shipped() / name).read_text(encoding="utf-8") for name in names(shipped())]


WORDS = [
    "left: ", "right", "{", "}", "[", "]", "- ", "\n", "\n  ", ": ", ", ", '"', "'", "&a ", "*a", "!!x ", "|\n  ", "# ",
    "? ", "%YAML 1.3\n", "---\n", "\\UFFFFFFFF", "\\x", "\t", "\r", "\x85", "\ufeff", "\x00", "fields:\n  - ",
    "owner: ", "values: ", "only: ", "custom: ", "on_create: ", "match: {link: [", "😀",
]  # fmt: skip
PIECES = st.one_of(st.sampled_from(WORDS), st.text(max_size=4))
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@given(TEXTS, st.integers(-2, 9), st.integers(-2, 60))
def test_any_text_at_any_place(text: str, line: int, column: int) -> None:
    """Nothing that can be typed breaks it, and what is offered leaves a readable text readable."""
    kept(text, line, column)


@given(st.data())
def test_maps_as_people_write_them(data: st.DataObject) -> None:
    """The same for the maps that we ship, at any place, also when something was cut out or put in."""
    text = data.draw(st.sampled_from(texts()))
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(PIECES) + text[at + data.draw(st.integers(0, 12)) :]
    line = text.count("\n", 0, at) + 1
    kept(text, line, data.draw(st.integers(1, 80)))


def kept(text: str, line: int, column: int) -> None:
    """What must hold of any offers."""
    found = offers(text, line, column, SCHEMA, SCHEMAS, MAPS)
    if not found.items or not parses(text):
        return
    row = min(max(line, 1), text.count("\n") + 1)
    assert 1 <= found.start <= found.end <= len(text.split("\n")[row - 1]) + 1
    for one in found.items[:8]:
        assert parses(put(text, row, found, one)), (text, one)
