"""The views for reports say what the tables say, and their files what the views say. On both databases."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

import tests.engine.town
from syncd.core.model import Action
from syncd.errors import ConfigError
from syncd.service.exporting import export
from syncd.store.reports import STAMP, VIEWS, rows
from tests.engine.doings import edit, rest
from tests.engine.test_rules import linked
from tests.engine.town import DATABASES, Town, build
from tests.house.tree import page


@pytest.fixture(params=DATABASES)
def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A world on each database: a lead that was handed over, and a field of it changed on both sides."""
    monkeypatch.setattr(tests.engine.town, "DATABASE", [request.param])
    with closing(build()) as made:
        left, right = linked(made, note='Zoë, "quoted"\nand more')
        edit(made, "crm", "contacts", left.id, {"name": "Ann 2"})
        edit(made, "con", "contacts", right.id, {"name": "Ann 3"})
        rest(made)
        yield made


def view(town: Town, name: str, since: datetime | None = None) -> list[dict[str, Any]]:
    """A view's rows."""
    with town.store.read() as tx:
        names, *found = rows(tx.connection, name, since)
    return [dict(zip(names, one, strict=True)) for one in found]


def test_letters_that_no_json_of_postgresql_takes_break_no_view(town: Town) -> None:
    """A NUL, two of them, and a backslash that only looks like one: the rows are there, and all else of the text."""
    with town.store.read() as tx:
        (link,) = tx.links.all("pair/contacts")
    odd = "a\x00\x00b\\u0000c\\\\\x00d"
    edit(town, "crm", "contacts", link.left_id, {"city": odd})
    rest(town)
    (record,) = [one for one in view(town, "records") if (one["system"], one["id"]) == ("crm", link.left_id)]
    assert json.loads(record["fields"])["city"].replace("\x00", "") == odd.replace("\x00", "")
    told = [one["new_value"] for one in view(town, "changes") if one["field"] == "city"]
    assert [one.partition("\x00")[0][:1] for one in told] == ["a"]


def test_views_say_what_the_tables_say(town: Town) -> None:
    """Runs, links, hand-offs, writes, changes field by field, records and conflicts, with times that read alike."""
    with town.store.read() as tx:
        intents = tx.journal.recent(limit=1000)
        (link,) = tx.links.all("pair/contacts")
        counts = tx.rows()
    assert {name: len(view(town, name)) for name in ("runs", "links", "records", "conflicts", "writes")} == {
        "runs": counts["runs"], "links": counts["links"], "records": counts["snapshots"],
        "conflicts": counts["conflicts"], "writes": counts["journal"],
    }  # fmt: skip
    (handoff,) = view(town, "handoffs")
    (create,) = (one for one in intents if one.action is Action.CREATE)
    assert (handoff["source_id"], handoff["record_id"], handoff["map"]) == (link.left_id, link.right_id, link.map)
    assert create.closed_at is not None and handoff["made_at"] == create.closed_at.strftime(STAMP)
    changed = {
        (one.id, field, str(value)) for one in intents if one.outcome in ("written", "landed")
        for field, value in one.fields.items()
    }  # fmt: skip
    assert {(one["write"], one["field"], str(one["new_value"])) for one in view(town, "changes")} == changed
    (lost,) = view(town, "conflicts")
    assert (lost["rule"], lost["lost_side"], lost["left_value"]) == ("name", "right", '"Ann 2"')
    assert any("Ann 2" in str(one["fields"]) and one["system"] == "crm" for one in view(town, "records"))


def test_since_then_means_since_then(town: Town) -> None:
    """What came at that very second is among it; what came before is not."""
    (first,) = view(town, "handoffs")
    at = datetime.strptime(first["made_at"], STAMP).replace(tzinfo=town.stage.now.tzinfo)
    assert view(town, "handoffs", at) == [first]
    assert view(town, "handoffs", at + timedelta(seconds=1)) == []


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_say_what_the_views_say(town: Town, tmp_path: Path, form: str) -> None:
    """Every value, with quotes, line breaks and letters of all kinds; for the owner alone."""
    found = export(town.store, tmp_path, town.stage.now, form=form)
    assert set(found) == set(VIEWS)
    for name, count in found.items():
        (path,) = tmp_path.glob(f"{name}-*.{form}")
        assert path.stat().st_mode & 0o777 == 0o600
        told = read(path)
        wanted = [
            {key: None if value is None else str(value) for key, value in one.items()} for one in view(town, name)
        ]
        assert len(told) == count
        assert [{k: None if v in (None, "") else str(v) for k, v in one.items()} for one in told] == wanted
    assert list(tmp_path.glob("*.part")) == []


def read(path: Path) -> list[dict[str, Any]]:
    """A file's rows."""
    if path.suffix == ".parquet":
        return list(pyarrow.parquet.read_table(path).to_pylist())
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_only_what_is_new(town: Town, tmp_path: Path) -> None:
    """Each export to a folder goes on where the last one to it ended."""
    first = export(town.store, tmp_path, town.stage.now, new=True)
    assert first["handoffs"] == 1
    town.stage.now += timedelta(minutes=30)
    export(town.store, tmp_path, town.stage.now, new=True)
    town.stage.now += timedelta(minutes=5)
    second = export(town.store, tmp_path, town.stage.now, new=True)
    assert second["handoffs"] == second["writes"] == 0
    (row,) = town.vendors["crm"].rows["contacts"].values()
    edit(town, "crm", "contacts", row.id, {"tag": "hot"})
    rest(town)
    third = export(town.store, tmp_path, town.stage.now, new=True)
    assert third["writes"] >= 1 and third["handoffs"] == 0


def test_what_cannot_be_written_is_told(town: Town, tmp_path: Path) -> None:
    """A folder that is not there, and one that is a file."""
    (tmp_path / "file").touch()
    for name in ("nowhere", "file"):
        with pytest.raises(ConfigError, match="is no folder"):
            export(town.store, tmp_path / name, town.stage.now)


def test_every_view_and_column_is_in_the_reference(town: Town) -> None:
    """And the reference names none that is not there."""
    text = page("reference/reports.md")
    for name in VIEWS:
        with town.store.read() as tx:
            names, *_ = rows(tx.connection, name, None)
        (line,) = (one for one in text.splitlines() if one.startswith(f"| `report_{name}` |"))
        assert {word.strip("` ") for word in line.split("|")[2].split(",")} == set(names)
