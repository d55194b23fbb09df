"""`syncd demo --until-settled`: one sync to the end, and an exit code that can be believed."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace

import orjson
import pytest
from typer.testing import CliRunner

from syncd.app import App
from syncd.cli.root import app
from syncd.lab.compare import Comparison, Difference, Odd
from syncd.lab.csvs import LEFT, RIGHT, town, write
from syncd.lab.floor import Floor, Line, batches
from syncd.lab.settled import Settled
from syncd.lab.stage import Stage
from tests.lab.conftest import QUICK

FINE = Settled(
    quiet=True, seconds=1.0, whole=2.0, idle_polls=3, idle_writes=(), writes={}, conflicts=4, parked={},
    floor=Floor(lines=()), comparison=Comparison(counts=Counter()),
)  # fmt: skip
ODD = Odd(map="sales/contacts", ref="hubspot:contacts:1", why="test")
DIFFERENT = Difference(map="m", left="1", right="2", rule="city", left_value="a", right_value="b", why="test")


def test_thirty_leads_settle_equal_and_idle() -> None:
    """The command syncs invented leads with the real daemon, compares, and exits 0 with all its figures."""
    found = CliRunner().invoke(app, ["demo", "--until-settled", "--leads", "30", "--rate", "200/1", "--format", "json"])
    told = orjson.loads(found.stdout)
    assert found.exit_code == 0, found.stdout
    assert (told["good"], told["differences"], told["duplicates"], told["missing"]) == (True, [], [], [])
    assert (told["idle_polls"], told["idle_writes"]) == (3, [])
    assert told["writes"]["jobnimbus contacts create written"] >= 20
    assert told["counts"]["links contacts"] >= 30
    assert 0.5 * told["requests"] < told["floor"] <= told["requests"]
    floors = {line["endpoint"]: line["floor"] for line in told["endpoints"]}
    assert floors["POST /api1/contacts"] == told["writes"]["jobnimbus contacts create written"]


def test_a_spreadsheet_that_cannot_be_imported_is_a_sentence(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A column that no vendor knows ends the command before anything is synced."""
    path = tmp_path_factory.mktemp("csv") / "left.csv"
    path.write_text("First Name,Shoe size\nAna,38\n", encoding="utf-8")
    found = CliRunner().invoke(app, ["demo", "--until-settled", "--left-csv", str(path)])
    assert found.exit_code != 0
    assert "Shoe size" in f"{found.output} {found.exception}"


@pytest.mark.parametrize(
    "bad",
    [
        replace(FINE, quiet=False),
        replace(FINE, idle_writes=("hubspot: POST /x",)),
        replace(FINE, comparison=Comparison(differences=[DIFFERENT])),
        replace(FINE, comparison=Comparison(duplicates=[ODD])),
        replace(FINE, comparison=Comparison(missing=[ODD])),
    ],
)
def test_whatever_is_wrong_is_not_good(bad: Settled) -> None:
    """Restlessness, an idle write, a difference, a duplicate or a lost record each spoil it; open conflicts do not."""
    assert FINE.good
    assert not bad.good
    assert bad.as_data()["good"] is False


def test_the_floor_is_what_lines_add_up_to() -> None:
    """Requests, floor and the part above it are sums over the lines."""
    lines = tuple(Line(system="s", endpoint=name, requests=r, floor=f) for name, r, f in (("a", 11, 10), ("b", 10, 10)))
    assert (Floor(lines=lines).requests, Floor(lines=lines).floor) == (21, 20)
    assert Floor(lines=lines).over == pytest.approx(0.05)
    assert Floor(lines=()).over == 0


@pytest.mark.parametrize("records", [0, 1, 99, 100, 101, 250])
def test_batches_are_as_few_as_can_be(records: int) -> None:
    """A hundred records fit into a batch."""
    assert batches(records) == sum(1 for start in range(0, records, 100))


def test_a_town_has_the_same_people_by_two_hands(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A fifth of the right side's rows are people of the left, found again by e-mail or phone; names are free there."""
    paths = write(tmp_path_factory.mktemp("town"), 100)
    left, right = (list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) for path in paths)
    assert (list(left[0]), list(right[0])) == (list(LEFT), list(RIGHT))
    assert (len(left), len(right)) == (100, 100)
    mails = {row["Email"].casefold() for row in left if row["Email"]}
    phones = {"".join(filter(str.isdigit, row["Phone Number"]))[-10:] for row in left if row["Phone Number"]}
    known = [
        row for row in right
        if row["email"].casefold() in mails or "".join(filter(str.isdigit, row["home_phone"]))[-10:] in phones
    ]  # fmt: skip
    assert 18 <= len(known) <= 24
    assert len({row["display_name"].casefold() for row in right}) == len({row["job.name"].casefold() for row in right})
    assert town(100) == town(100)


def test_fields_that_nobody_ever_filled_stop_no_record(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Custom fields that the right side's answers never name are left out of new deals; the deals are made."""
    left, right = town(10, same=0.5)
    stage = Stage(
        folder=tmp_path_factory.mktemp("town"), left_csv=left, right_csv=right, rate="1000/1", timing=QUICK,
        left_settings={"index_lag": {"kind": "none"}, "search_rate": "off"}, right_settings={"index_lag": 0},
    )  # fmt: skip
    with stage, App.open(stage.config, environ=stage.environ) as opened:
        opened.once()
        with opened.world.store.read() as tx:
            drifting = [mark.id for mark in tx.marks.resting("parked") if mark.cause == "drift"]
            made = [one for one in tx.journal.recent() if one.action == "create" and one.map == "sales/deals-jobs"]
    assert drifting == []
    assert {str(one.side) for one in made} == {"left", "right"}
    assert not [one for one in made if "claim_number" in one.fields]
