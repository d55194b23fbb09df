"""Maps of a pair know each other, and are found where an admin puts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.core.model import Schema, Side
from syncd.errors import ConfigError, Refused
from syncd.fieldmaps import check, find, find_all, kinds, library, load_pair, names, shipped
from syncd.fieldmaps.source import nearest
from tests.fieldmaps.desk import HEAD, RULE, SCHEMAS, SYSTEMS


def describe(side: Side, kind: str) -> Schema:
    """The invented schema of a side."""
    assert SCHEMAS[side].kind == kind
    return SCHEMAS[side]


def written(folder: Path, name: str, more: str = "") -> Path:
    """A map file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(HEAD.replace("deals-jobs", name) + more + "fields:\n" + RULE, encoding="utf-8")
    return path


@pytest.mark.parametrize("described", [True, False])
def test_a_map_is_loaded_behind_those_that_come_before_it(tmp_path: Path, *, described: bool) -> None:
    """The order of the config is kept where it is free; `after` decides where it is not."""
    paths = [
        written(tmp_path, name, more) for name, more in (("b", "after: [d, a]\n"), ("c", ""), ("a", ""), ("d", ""))
    ]
    found = load_pair(paths, pair="p", systems=SYSTEMS, describe=describe if described else None)
    assert [each.name for each in found] == ["d", "a", "b", "c"]
    assert found[2].after == ("p/d", "p/a")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("after: [aa]\n", "b.yaml:5:9: This pair has no map 'aa'. Did you mean a?"),
        ("relations: [{left: people, right: primary, map: zz}]\n", "b.yaml:5:49: This pair has no map 'zz'."),
        ("after: [b]\n", "b.yaml:5:9: `after` goes in a circle: b after b."),
        ("after: [c]\n", "`after` goes in a circle"),
    ],
)
def test_maps_that_do_not_fit_together(tmp_path: Path, more: str, told: str) -> None:
    """A map that is not there and a circle of parents are refused where they are written."""
    paths = [written(tmp_path, "a"), written(tmp_path, "b", more), written(tmp_path, "c", "after: [b]\n")]
    with pytest.raises(ConfigError) as caught:
        load_pair(paths, pair="p", systems=SYSTEMS, describe=describe)
    assert told in str(caught.value)


def test_all_files_are_checked_at_once(tmp_path: Path) -> None:
    """One broken map does not hide the mistakes of another, nor make it unknown to the others."""
    paths = [
        written(tmp_path, "a", "leave: x\n"),
        written(tmp_path, "b", "leave: y\nafter: [a]\n"),
        tmp_path / "c.yaml",
    ]
    found = check(paths, pair="p", systems=SYSTEMS, describe=describe)
    assert [len(loaded.errors) for loaded in found] == [1, 1, 1]
    assert [loaded.map for loaded in found] == [None, None, None]


def test_kinds_are_known_before_schemas() -> None:
    """The kinds of a map can be asked for before any schema is."""
    assert kinds(HEAD, "m.yaml") == {Side.LEFT: "deals", Side.RIGHT: "jobs"}
    with pytest.raises(ConfigError, match="left needs 'kind'"):
        kinds("version: 1\nright: {kind: jobs}\n", "m.yaml")


def test_an_admin_s_map_shadows_the_shipped_one(tmp_path: Path) -> None:
    """The folder of the config comes first, by file name; what it lacks is taken from the package."""
    name = "hubspot-jobnimbus/contacts.yaml"
    assert find(name, tmp_path) == shipped() / name
    (tmp_path / "hubspot-jobnimbus").mkdir()
    (tmp_path / name).write_text(HEAD, encoding="utf-8")
    assert find(name, tmp_path) == tmp_path / name
    other = "hubspot-jobnimbus/deals-jobs.yaml"
    assert find_all([other, name], tmp_path) == [shipped() / other, tmp_path / name]


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_what_is_no_file_in_the_place_of_an_own_map_is_a_mistake(tmp_path: Path, kind: str) -> None:
    """A link that leads nowhere, or a folder, does not let the shipped map of its name through: it is named."""
    own = tmp_path / "hubspot-jobnimbus" / "contacts.yaml"
    own.parent.mkdir()
    if kind == "link":
        own.symlink_to("elsewhere.yaml")
    else:
        own.mkdir()
    with pytest.raises(ConfigError) as caught:
        find_all(["hubspot-jobnimbus/contacts.yaml"], tmp_path)
    (found,) = caught.value.problems
    assert found.place == str(own)
    assert ("elsewhere.yaml" if kind == "link" else "folder") in found.message
    assert "remove" in found.remedy


@pytest.mark.parametrize(("count", "end"), [(20, "w18, w19."), (32, "w18, w19 and 12 more.")])
def test_a_long_list_of_known_words_says_how_many_it_leaves_out(count: int, end: str) -> None:
    """Who reads a list without its end would take it for all there is."""
    assert nearest("zzzz", [f"w{number:02}" for number in range(count)]).endswith(end)


def test_maps_that_are_not_there_are_all_named(tmp_path: Path) -> None:
    """Every missing map is named, with the nearest that exists."""
    with pytest.raises(ConfigError) as caught:
        find_all(["hubspot-jobnimbus/contact.yaml", "hubspot-jobnimbus/contacts.yaml", "x/y.yaml"], tmp_path)
    assert len(caught.value.problems) == 2
    assert "hubspot-jobnimbus/contacts.yaml" in caught.value.problems[0].remedy


def test_an_installed_package_carries_its_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a wheel the maps lie inside the package, and are found there first."""
    (tmp_path / "mappings" / "a-b").mkdir(parents=True)
    (tmp_path / "mappings" / "a-b" / "m.yaml").write_text(HEAD, encoding="utf-8")
    monkeypatch.setattr(library, "PACKAGE", tmp_path)
    assert find("a-b/m.yaml") == tmp_path / "mappings" / "a-b" / "m.yaml"


def test_tests_and_schemas_are_no_maps(tmp_path: Path) -> None:
    """Only maps are listed as maps, and the tests of one lie beside it."""
    for name in ("m.yaml", "m.test.yaml", "schemas.yaml"):
        (tmp_path / "a-b").mkdir(exist_ok=True)
        (tmp_path / "a-b" / name).write_text("", encoding="utf-8")
    assert names(tmp_path) == ["a-b/m.yaml"]
    assert library.tests_of(tmp_path / "a-b" / "m.yaml").is_file()


@pytest.mark.parametrize("more", ["", "after: [a]\n"])
def test_two_maps_of_one_name(tmp_path: Path, more: str) -> None:
    """The second map of a name is refused where it says its name, whether or not it also waits for itself."""
    paths = [written(tmp_path, "a"), written(tmp_path, "b", more)]
    paths[1].write_text(paths[1].read_text(encoding="utf-8").replace("name: b", "name: a"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_pair(paths, pair="p", systems=SYSTEMS, describe=describe)
    (found,) = caught.value.problems
    assert found.place == f"{paths[1]}:2:7"
    assert f"This pair has a map 'a' already: {paths[0]}." in found.message


def test_a_kind_that_a_side_refuses(tmp_path: Path) -> None:
    """The sentence of a side that has no such kind stands at the place of the kind."""

    def refusing(side: Side, kind: str) -> Schema:
        if side is Side.RIGHT:
            raise Refused("it has gadgets.")
        return describe(side, kind)

    (found,) = check([written(tmp_path, "a")], pair="p", systems=SYSTEMS, describe=refusing)
    (problem,) = found.errors
    assert str(problem) == f"{tmp_path}/a.yaml:4:15: The right side has no kind 'jobs': it has gadgets."
