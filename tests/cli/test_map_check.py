"""`syncd map check` over the maps of a set-up: which files it reads, what they are held against, what it leaves open.

Not here: the mistakes it finds (test_wrong_maps), and the accounts (test_wrong_setups).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncd.cli import main
from syncd.fieldmaps import shipped
from tests.cli.conftest import CONFIG
from tests.cli.test_wrong_maps import MAP, SCHEMAS

CHILD = """\
version: 1
name: child
left: {kind: contacts}
right: {kind: contacts}
after: [parent]
first_link: ask
fields:
  - {left: score, right: points, owner: left}
"""
OPEN = "the fields are not checked: no schemas.yaml lies beside it. `syncd check` holds them against the accounts."


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set-up whose pair takes maps from two folders, of which one has a schema file; no key, nobody who answers."""
    for name, text in (
        ("config.toml", CONFIG.format(left="http://127.0.0.1:9", right="http://127.0.0.1:9")),
        ("maps/small/contacts.yaml", MAP.replace("name: contacts", "name: parent")),
        ("maps/small/schemas.yaml", SCHEMAS),
        ("maps/more/child.yaml", CHILD),
        ("maps/more/other.yaml", MAP.replace("name: contacts", "name: other")),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    change(tmp_path / "config.toml", '"small/contacts.yaml"', '"small/contacts.yaml", "more/child.yaml"')
    change(tmp_path / "config.toml", 'maps = "maps"', 'maps = "maps"\nstore_password = {env = "STORE_PASSWORD"}')
    for variable in ("SYNCD_CONFIG", "HUBSPOT_TOKEN", "JOBNIMBUS_API_KEY", "STORE_PASSWORD"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


def change(path: Path, old: str, new: str) -> None:
    """Change a piece of a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def check(capsys: pytest.CaptureFixture[str], *typed: str, code: int = 0) -> list[str]:
    """`syncd map check` as a person sees it, by line."""
    assert main(["map", "check", *typed]) == code
    said = capsys.readouterr()
    return (said.out + said.err).splitlines()


def test_the_maps_of_the_set_up_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a name: those of the config, wherever it was named, without any key; each file is told, and which set-up.

    A map without a schema file is well formed, and no more than that is said.
    """
    told = ["✓ maps/small/contacts.yaml: 4 rules.", f"! maps/more/child.yaml: 1 rule; {OPEN}"]
    last = "Checked: the 2 maps of config.toml."
    assert check(capsys) == check(capsys, "--config", "config.toml") == [*told, last]
    (tmp_path / "config.toml").rename(tmp_path / "mine.toml")
    monkeypatch.setenv("SYNCD_CONFIG", "mine.toml")
    assert check(capsys) == [*told, "Checked: the 2 maps of mine.toml."]
    monkeypatch.delenv("SYNCD_CONFIG")
    assert main(["--config", "mine.toml", "map", "check"]) == 0
    assert capsys.readouterr().out.splitlines() == [*told, "Checked: the 2 maps of mine.toml."]


def test_without_a_set_up_the_shipped_maps_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """And that is said; a config that was asked for and is not there is a mistake."""
    Path("config.toml").unlink()
    lines = check(capsys)
    count = sum(line.startswith("✓ ") for line in lines)
    assert count >= 2 and not any("✗" in line or "not checked" in line for line in lines)
    assert lines[-1] == f"Checked: the {count} maps that ship with syncd; there is no config.toml here."
    assert "there is no such config file" in check(capsys, "--config", "nosuch.toml", code=2)[0]


def test_a_mistake_in_a_map_of_the_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    """It is found where the shipped maps have none; a map that the config names and nobody wrote is told, too."""
    change(Path("maps/small/contacts.yaml"), "left: firstname", "left: fristname")
    lines = check(capsys, code=2)
    assert lines[0].startswith("✗ maps/small/contacts.yaml:11:")
    change(Path("config.toml"), "more/child", "more/chld")
    (line,) = check(capsys, code=2)
    assert line.startswith("error: more/chld.yaml: There is no such map")
    assert "more/child.yaml" in line


def test_a_map_by_its_path_knows_the_others_of_its_pair(capsys: pytest.CaptureFixture[str]) -> None:
    """Its parent lies in another folder; named as in the config it is the same; only the one that was named is told."""
    told = [f"! maps/more/child.yaml: 1 rule; {OPEN}"]
    assert check(capsys, "maps/more/child.yaml") == check(capsys, "more/child.yaml") == told
    change(Path("maps/more/child.yaml"), "[parent]", "[parnt]")
    (line,) = check(capsys, "maps/more/child.yaml", code=2)
    assert "has no map 'parnt'" in line and "Did you mean parent" in line


def test_a_map_that_no_pair_takes_is_checked_among_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """One that is not in the config yet; and without a config, a copy of a shipped map knows the other shipped ones."""
    assert check(capsys, "maps/more/other.yaml") == [f"! maps/more/other.yaml: 4 rules; {OPEN}"]
    Path("config.toml").unlink()
    (child,) = shipped().glob("hubspot-jobnimbus/deals-jobs.yaml")
    mine = Path("maps/hubspot-jobnimbus/deals-jobs.yaml")
    mine.parent.mkdir()
    mine.write_text(child.read_text(encoding="utf-8"), encoding="utf-8")
    (line,) = check(capsys, str(mine))
    assert line.startswith(f"! {mine}: ") and line.endswith(OPEN)


def test_json_tells_which_files_were_checked_and_how(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs: a line for each file."""
    found = json.loads("\n".join(check(capsys, "--format", "json")))
    assert [(line["severity"], line["place"]) for line in found] == [
        ("ok", "maps/small/contacts.yaml"),
        ("warning", "maps/more/child.yaml"),
    ]
    assert "not checked" in found[1]["message"]


def test_a_wrong_config_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """With its line, as by every verb."""
    change(Path("config.toml"), 'maps = "maps"', 'maps = "mops"')
    (line,) = check(capsys, code=2)
    assert line.startswith("error: config.toml:3: `syncd.maps` names a folder that is not there")
