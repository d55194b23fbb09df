"""The verbs of an operator at a command line: `backup`, `diagnose`, `db move`, `alert test`. Not here: what they do."""

from __future__ import annotations

import json
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from syncd.app import App
from syncd.cli import main
from syncd.service.diagnosis import MASK, masked
from syncd.store import schema
from syncd.store.store import Store
from tests.cli.conftest import KEY, TOKEN, House
from tests.service.test_alerting import service


def unpacked(path: Path) -> dict[str, bytes]:
    """The files of a diagnosis, by their names in its folder."""
    found = {}
    with tarfile.open(path) as archive:
        for one in archive.getmembers():
            file = archive.extractfile(one)
            assert file is not None, f"{one.name} is no file"
            found[one.name.partition("/")[2]] = file.read()
    return found


def test_a_diagnosis_holds_no_key_and_nobodys_record(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """After a sync and a run that failed with a quoted record: grep finds no secret, name, mail or phone in it."""
    house.lead(lastname="Okonkwo-Reyes", city="Xanadu")
    assert main(["once"]) == 0
    with App.open(None) as app, app.ready_store.begin() as tx:
        run = tx.runs.start("sales", "live", "d", app.clock())
        why = 'the vendor refuses "Okonkwo-Reyes" (ana1@example.com, +1 202-555-0123)'
        tx.runs.end(run, "stopped", {"error": why}, app.clock())
    capsys.readouterr()
    assert main(["diagnose", "-o", "bundle.tar.gz"]) == 0
    assert capsys.readouterr().out == "Wrote bundle.tar.gz.\n"
    packed = Path("bundle.tar.gz")
    assert packed.stat().st_mode & 0o777 == 0o600
    files = unpacked(packed)
    told = {f"{name}.json" for name in ("about", "work", "status", "check")}
    assert set(files) == {"config.toml", "maps/small/contacts.yaml", *told}
    whole = b"\n".join(files.values())
    for word in (TOKEN, KEY, "Okonkwo", "Xanadu", "ana1@", "202-555"):
        assert word.encode() not in whole, word
    work = json.loads(files["work.json"])
    assert work["rows"]["links"] == 1
    assert work["runs"][0]["error"] == f"the vendor refuses {MASK} ({MASK}, {MASK})"
    assert json.loads(files["about.json"])["syncd"]
    assert main(["diagnose", "-o", "bundle.tar.gz"]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_diagnosis_is_made_of_what_can_be_told(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """With a damaged store and a map that is not there: what cannot be told says why, and the rest is there."""
    assert main(["once"]) == 0
    Path("syncd.db").write_bytes(b"not a database at all" * 100)
    house.config('"small/contacts.yaml"', '"small/contacts.yaml", "small/gone.yaml"')
    assert main(["diagnose"]) == 0
    files = unpacked(Path("syncd-diagnosis.tar.gz"))
    assert b"ConfigError" in files["work.json"] and b"damaged" in files["work.json"]
    assert b"gone.yaml" in files["maps/small/gone.yaml"]
    assert b"left: firstname" in files["maps/small/contacts.yaml"]
    assert main(["diagnose", "-o", "no/where.tar.gz"]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call (202) 555-0123 now", f"call {MASK} now"),
        ("line 12 of 2026-11-29T10:11:12", "line 12 of 2026-11-29T10:11:12"),
        ("field 'Ann Lee' is wrong", f"field {MASK} is wrong"),
        ("it doesn't know 'Ann Lee'.", f"it doesn't know {MASK}."),
        ("429 after 30 s", "429 after 30 s"),
    ],
)
def test_what_a_sentence_quotes_is_masked(text: str, shown: str) -> None:
    """Values, numbers that can be called, addresses; times and counts stay."""
    assert masked({"a": [text, 1]}) == {"a": [shown, 1]}


def test_a_backup_can_be_put_in_its_place(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A copy made after a first sync says the same as the store."""
    house.lead()
    assert main(["once"]) == 0
    Path("copies").mkdir()
    assert main(["backup", "copies", "--keep", "2"]) == 0
    (made,) = Path("copies").iterdir()
    assert f"Wrote {made}." in capsys.readouterr().out
    with closing(Store(f"sqlite:///{made.resolve()}")) as store, store.read() as tx:
        assert tx.links.count("sales/contacts") == 1
    assert main(["backup", "nowhere/copy.db"]) == 4
    assert "was not made" in capsys.readouterr().err


def test_a_store_of_an_older_version_is_copied_before_it_is_upgraded(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who is told to make a backup first can; the copy is restored under the new version."""
    with App.open(None) as app:
        schema.upgrade(app.store, to=schema.known()[-2])
    assert main(["status"]) == 2
    assert "Run `syncd db upgrade`, after a backup." in capsys.readouterr().err
    assert main(["backup", "copy.db"]) == 0
    with closing(Store(f"sqlite:///{Path('copy.db').resolve()}")) as copy:
        assert schema.version(copy) == schema.known()[-2]
    assert main(["db", "upgrade"]) == 0
    assert main(["restore", "copy.db"]) == 0
    house.lead()
    assert main(["once"]) == 0


def test_a_copy_is_restored_and_nothing_is_made_twice(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A lead that crossed after the copy is found again; what was there is kept beside it, and named."""
    house.lead(1)
    assert main(["once"]) == 0
    assert main(["backup", "copy.db"]) == 0
    house.lead(2)
    assert main(["once"]) == 0
    capsys.readouterr()
    assert main(["restore", "copy.db"]) == 0
    assert "Restored copy.db. What was there lies in " in capsys.readouterr().out
    with App.open(None) as app, app.ready_store.read() as tx:
        assert tx.links.count("sales/contacts") == 1
    assert main(["once"]) == 0
    with App.open(None) as app, app.ready_store.read() as tx:
        assert tx.links.count("sales/contacts") == 2
    made = sorted(row["email"] for row in house.right.records("contacts") if str(row.get("email")).startswith("ana"))
    assert made == ["ana1@example.com", "ana2@example.com"]
    assert main(["db", "restored"]) == 2
    assert "--made" in capsys.readouterr().err
    assert main(["db", "restored", "--made", "2026-01-01T00:00:00"]) == 0
    assert "is taken for an old copy" in capsys.readouterr().out
    assert main(["restore", "nowhere.db"]) == 2


def test_a_store_is_moved_and_the_old_one_is_refused(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """By two set-ups; afterwards only the new one works, and the way back is the same."""
    house.lead()
    assert main(["once"]) == 0
    text = Path("config.toml").read_text(encoding="utf-8")
    Path("new.toml").write_text(text.replace("sqlite:///", "sqlite:///new-"), encoding="utf-8")
    capsys.readouterr()
    assert main(["db", "move", "--to", "new.toml", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["links"] == 1
    assert main(["status"]) == 2
    assert "was moved to" in capsys.readouterr().err
    assert main(["-c", "new.toml", "once"]) == 0
    assert main(["-c", "new.toml", "db", "move", "--to", "config.toml"]) == 0
    assert main(["once"]) == 0


def test_alerts_are_tried(house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address is told with what came of it; nobody to tell, and one that does not take it, are mistakes."""
    assert main(["alert", "test"]) == 2
    assert "names nobody" in capsys.readouterr().err
    house.config("[timing]", '[alerts]\nto = [{env = "ALERT"}]\n\n[timing]')
    with service() as (heard, address):
        monkeypatch.setenv("ALERT", address)
        assert main(["alert", "test"]) == 0
        assert len(heard) == 1
        assert "a-password" not in capsys.readouterr().out
    with service(status=500) as (_, address):
        monkeypatch.setenv("ALERT", address)
        assert main(["alert", "test"]) == 4
        assert "Not everybody" in capsys.readouterr().err
