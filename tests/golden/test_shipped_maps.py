"""The maps that ship: each keeps its own tests, fits its pair, and runs on an account without custom fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from syncd.core.model import Schema, Side
from syncd.fieldmaps import check, find, library, load_pair, load_schemas, names, schema_of, shipped
from syncd.fieldmaps.cases import run_file
from syncd.fieldmaps.schema import json_schema
from tests.golden.jsonschema import violations

MAPS = names(shipped())
PAIRS = sorted({Path(name).parent.name for name in MAPS})


def systems(pair: str) -> Mapping[Side, str]:
    """The systems a folder of maps is named after."""
    left, right = pair.split("-")
    return {Side.LEFT: left, Side.RIGHT: right}


def files(pair: str) -> list[Path]:
    """The maps of a folder."""
    return [find(name) for name in MAPS if name.startswith(f"{pair}/")]


def test_maps_ship() -> None:
    """There are maps to test, and no test file is left without its map."""
    assert {"hubspot-jobnimbus", "salesforce-jobnimbus"} == set(PAIRS)
    tests = {f"{path.parent.name}/{path.name.replace('.test.', '.')}" for path in shipped().glob("*/*.test.yaml")}
    assert tests == set(MAPS)


@pytest.mark.parametrize("name", MAPS)
def test_a_shipped_map_keeps_its_tests(name: str) -> None:
    """Record in, record out, both ways, and the round-trip laws, as its test file says."""
    found = run_file(find(name))
    assert found.cases >= 5
    assert [str(failure) for failure in found.failures] == []


@pytest.mark.parametrize("name", MAPS)
def test_a_shipped_map_is_valid_for_editors(name: str) -> None:
    """The JSON Schema that editors use accepts every map that ships."""
    content = YAML(typ="safe", pure=True).load(find(name).read_text(encoding="utf-8"))
    assert violations(content, json_schema()) == []


@pytest.mark.parametrize("pair", PAIRS)
def test_shipped_maps_fit_together(pair: str) -> None:
    """The maps of a pair load against their schemas without a mistake, and every rule is in use."""
    sides = systems(pair)
    schemas = load_schemas(shipped() / pair / "schemas.yaml", sides)
    found = check(files(pair), pair="p", systems=sides, describe=lambda side, kind: schema_of(schemas, side, kind))
    assert [str(problem) for loaded in found for problem in loaded.errors] == []
    assert [str(p) for loaded in found for p in loaded.warnings if "left out" in p.message] == []


@pytest.mark.parametrize("pair", PAIRS)
def test_shipped_maps_run_without_custom_fields(pair: str) -> None:
    """On a plain account the rules for custom fields stay out with a warning that names the field to make."""
    sides = systems(pair)
    schemas = load_schemas(shipped() / pair / "schemas.yaml", sides)

    def plain(side: Side, kind: str) -> Schema:
        schema = schema_of(schemas, side, kind)
        kept = {name: field for name, field in schema.fields.items() if not field.custom}
        return dataclasses.replace(schema, fields=kept)

    loaded_whole = load_pair(files(pair), pair="p", systems=sides, describe=lambda s, k: schema_of(schemas, s, k))
    whole = {one.key: one for one in loaded_whole}
    found = check(files(pair), pair="p", systems=sides, describe=plain)
    assert {loaded.map.key for loaded in found if loaded.map} == whole.keys()
    for loaded in found:
        other = loaded.map
        assert other is not None
        one = whole[other.key]
        assert other.digest != one.digest
        left_out = {rule.name for rule in one.rules} - {rule.name for rule in other.rules}
        told = [problem.remedy for problem in loaded.warnings if "optional rule is left out" in problem.message]
        assert len(told) == len(left_out) > 0
        assert all(remedy.startswith("To use it, make a field") for remedy in told)


def test_the_schema_for_editors_refuses_what_the_compiler_refuses() -> None:
    """A misspelled key, a wrong word and a missing one are seen while typing."""
    good = YAML(typ="safe", pure=True).load(find(MAPS[0]).read_text(encoding="utf-8"))
    for wrong in ({"leave": "stopp"}, {"lanes": "lead"}, {"fields": []}, {"left": {}}, {"fields": [{"onwer": "left"}]}):
        assert violations(good | wrong, json_schema()) != [], wrong


def test_shipped_maps_lie_where_a_checkout_has_them() -> None:
    """In a checkout the maps are beside the package."""
    assert shipped() == library.PACKAGE.parent / "mappings"
