"""Pairs compiled each by itself: whose trouble keeps whom waiting. Not here: maps, and who begins when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.config import Config
from syncd.core.model import Schema, Side
from syncd.errors import AuthError, ConfigError, Transient
from syncd.fieldmaps import find, load_schemas, schema_of, shipped
from syncd.service.worlds import Compiler, apart
from tests.test_config import read

MAPS = "hubspot-jobnimbus"
SCHEMAS = load_schemas(shipped() / MAPS / "schemas.yaml", {Side.LEFT: "hubspot", Side.RIGHT: "jobnimbus"})
SYSTEM = {
    "hs": '[systems.{}]\nconnector = "hubspot"\ntoken = {{env = "HUBSPOT_TOKEN"}}\n',
    "jn": '[systems.{}]\nconnector = "jobnimbus"\napi_key = {{env = "JOBNIMBUS_API_KEY"}}\n',
}
PAIRED = '[pairs.{}]\nleft = "{}"\nright = "{}"\nmaps = ["{}"]\n'


def paired(folder: Path, *pairs: tuple[str, str, str], name: str = f"{MAPS}/contacts.yaml") -> Config:
    """A set-up of these pairs: name, left, right."""
    systems = dict.fromkeys(system for _, *both in pairs for system in both)
    text = "".join(SYSTEM[system[:2]].format(system) for system in systems)
    (folder / "maps").mkdir(exist_ok=True)
    return read(
        folder,
        '[syncd]\nstore = "sqlite:///x.db"\nmaps = "maps"\n'
        + text
        + "".join(PAIRED.format(*pair, name) for pair in pairs),
    )


def describe(system: str, kind: str) -> Schema:
    """What the shipped maps are made for."""
    return schema_of(SCHEMAS, Side.LEFT if system.startswith("hs") else Side.RIGHT, kind)


def troubled(**errors: Exception) -> Callable[[str, str], Schema]:
    """The same, but these systems are in trouble."""

    def ask(system: str, kind: str) -> Schema:
        if system in errors:
            raise errors[system]
        return describe(system, kind)

    return ask


def down(system: str) -> Transient:
    """It does not answer."""
    error = Transient(f"{system} is down")
    error.system = system
    return error


THREE = (("a", "hs1", "jn1"), ("b", "hs2", "jn2"), ("c", "hs3", "jn3"))


def test_the_trouble_of_one_system_is_not_another_pairs(tmp_path: Path) -> None:
    """One is down, one refuses its key: their pairs are missing, each with its error, and the third is there."""
    config = paired(tmp_path, *THREE)
    refused = AuthError("The key is refused.", system="jn3")
    found = Compiler(config).compiled(troubled(hs1=down("hs1"), jn3=refused))
    assert list(found.pairs) == ["b"] and [m.key for m in found.pairs["b"].maps] == ["b/contacts"]
    assert {name: error.system for name, error in found.troubles.items()} == {"a": "hs1", "c": "jn3"}
    with pytest.raises(Transient, match="hs1 is down"):
        found.whole()
    whole = Compiler(config).compiled(describe)
    assert [pair.name for pair in whole.whole()] == ["a", "b", "c"]


def test_trouble_that_is_no_systems_is_raised(tmp_path: Path) -> None:
    """A store that does not answer is not one pair's matter."""
    with pytest.raises(Transient, match="the store"):
        Compiler(paired(tmp_path, *THREE)).compiled(troubled(hs1=Transient("the store does not answer")))


def test_a_map_that_does_not_fit_is_its_pairs_alone(tmp_path: Path) -> None:
    """The others are compiled; asked for all, the mistakes of all are told."""

    def bare(system: str, kind: str) -> Schema:
        found = describe(system, kind)
        return found if system != "hs2" else replace(found, fields={})

    found = Compiler(paired(tmp_path, *THREE)).compiled(bare)
    assert list(found.pairs) == ["a", "c"] and list(found.unfit) == ["b"]
    with pytest.raises(ConfigError):
        found.whole()


def test_what_did_not_change_is_the_very_same(tmp_path: Path) -> None:
    """Compiled again, a pair is another one if its file or its fields changed, and only then."""
    folder = tmp_path / "maps" / "own"
    folder.mkdir(parents=True)
    file = folder / "contacts.yaml"
    file.write_text(find(f"{MAPS}/contacts.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    compiler = Compiler(paired(tmp_path, *THREE, name="own/contacts.yaml"))
    first = compiler.compiled(describe).pairs
    again = compiler.compiled(lambda system, kind: replace(describe(system, kind)), ["b", "c"]).pairs
    assert list(again) == ["b", "c"] and all(again[name] is first[name] for name in again)

    def alone(system: str, kind: str) -> Schema:
        found = describe(system, kind)
        return replace(found, timezone="America/Denver") if system == "jn2" else found

    found = compiler.compiled(alone).pairs
    assert [name for name in found if found[name] is not first[name]] == ["b"]
    file.write_text(file.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    found = compiler.compiled(describe).pairs
    assert [name for name in found if found[name] is first[name]] == []


def test_systems_are_asked_side_by_side(tmp_path: Path) -> None:
    """Four of them answer only when all are asked; each is asked once, whichever pairs read it."""
    together, asked = threading.Barrier(4), list[str]()

    def ask(system: str, kind: str) -> Schema:
        asked.append(system)
        together.wait(10)
        return describe(system, kind)

    config = paired(tmp_path, ("a", "hs1", "jn1"), ("b", "hs2", "jn1"), ("c", "hs3", "jn1"))
    assert len(Compiler(config).compiled(ask).pairs) == 3
    assert sorted(asked) == ["hs1", "hs2", "hs3", "jn1"]


def test_who_shares_a_system_with_one_that_is_missing_waits_with_it(tmp_path: Path) -> None:
    """However far: what is read of a system must be marked in the maps of all its pairs."""
    pairs = (("a", "hs1", "jn1"), ("b", "hs1", "jn2"), ("c", "hs2", "jn2"), ("d", "hs3", "jn3"))
    config = paired(tmp_path, *pairs)
    found = Compiler(config).compiled(troubled(jn1=down("jn1")))
    assert list(found.pairs) == ["b", "c", "d"]
    assert list(apart(config, found.pairs)) == ["d"]
    assert list(apart(config, Compiler(config).compiled(describe).pairs)) == ["a", "b", "c", "d"]
    assert apart(config, {}) == {}
