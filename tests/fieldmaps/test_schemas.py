"""Schemas written in YAML stand in for an account."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.core.model import FieldKind, FieldType, Loss, Option, Side
from syncd.errors import ConfigError
from syncd.fieldmaps import load_schemas, schema_of
from tests.fieldmaps.desk import SYSTEMS

TEXT = """\
left:
  timezone: America/Chicago
  users: [{id: "1", name: Ann Bee, email: ann@example.com}, {id: "2", name: Gone, active: false}]
  kinds:
    deals:
      title: text
      email: {type: text, unique: true, caseless: true, max_length: 10, label: E-mail}
      stage: {type: enum, options: {new: New, won: Closed Won}, required: true}
      kinds: {type: multi, options: [a, b], open: true}
      people: {type: ref, kind: contacts, many: true}
      at: {type: datetime, resolution: 0.001, read_only: true}
right: {kinds: {jobs: {total: {type: number, decimals: 2, create_only: true, custom: true}}}}
"""


def written(folder: Path, text: str) -> Path:
    """A schema file."""
    path = folder / "schemas.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_schema_file_says_what_a_vendor_would(tmp_path: Path) -> None:
    """Kinds, loss, options, people and zone arrive as if the vendor had described them."""
    found = load_schemas(written(tmp_path, TEXT), SYSTEMS)
    deals, jobs = schema_of(found, Side.LEFT, "deals"), schema_of(found, Side.RIGHT, "jobs")
    assert (deals.system, deals.kind, deals.timezone, jobs.timezone) == ("crm", "deals", "America/Chicago", "UTC")
    assert [(user.id, user.email, user.active) for user in deals.users] == [
        ("1", "ann@example.com", True),
        ("2", None, False),
    ]
    loss = Loss(max_length=10, caseless=True)
    assert deals.fields["email"] == FieldType(name="email", kind=FieldKind.TEXT, label="E-mail", loss=loss, unique=True)
    assert deals.fields["stage"].options == (Option("new", "New"), Option("won", "Closed Won"))
    assert deals.fields["kinds"].options == (Option("a", "a"), Option("b", "b"))
    assert (deals.fields["people"].ref_kind, deals.fields["people"].many) == ("contacts", True)
    assert (deals.fields["at"].loss.resolution, deals.fields["at"].read_only) == (0.001, True)
    assert (jobs.fields["total"].loss.decimals, jobs.fields["total"].create_only) == (2, True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("left: {kinds: {deals: {a: txt}}}", "type may not be 'txt'."),
        ("left: {kinds: {deals: {a: {typ: text}}}}", "Field a has no setting 'typ'. Did you mean type?"),
        ("left: {kinds: {deals: {a: {type: text, max_length: long}}}}", "is no number"),
        ("middle: {}", "A schema file has no setting 'middle'."),
        ("left: {users: [{id: 1}]}", "A user needs 'name'."),
    ],
)
def test_a_wrong_schema_file_is_placed(tmp_path: Path, text: str, told: str) -> None:
    """A mistake in a schema file is named like one in a map."""
    with pytest.raises(ConfigError) as caught:
        load_schemas(written(tmp_path, text), SYSTEMS)
    assert told in str(caught.value)


def test_an_unknown_kind_is_named(tmp_path: Path) -> None:
    """A map about a kind that the file lacks says so."""
    with pytest.raises(ConfigError, match=r"no kind .leads.\. It has deals"):
        schema_of(load_schemas(written(tmp_path, TEXT), SYSTEMS), Side.LEFT, "leads")
