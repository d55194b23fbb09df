"""Wrong maps as admins write them: each mistake is one clear line with file, line, column and remedy, exit code 2.

Not here: every mistake there is (tests/fieldmaps); mistakes that only a real account shows (test_wrong_setups).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncd.cli import main

SCHEMAS = """\
left:
  kinds:
    contacts:
      firstname: text
      email: text
      score: number
      hs_lead_status: {type: enum, options: {NEW: New, OPEN: Open}}
right:
  kinds:
    contacts:
      first_name: text
      email: text
      points: number
      status_name: {type: enum, options: [Lead, Active]}
"""
MAP = """\
version: 1
name: contacts
left: {kind: contacts}
right: {kind: contacts}
match:
  link: [email]
first_link: ask
create:
  right: {when: "left.firstname != ''"}
fields:
  - {left: firstname, right: first_name, owner: left}
  - {left: email, right: email, owner: left}
  - {left: score, right: points, owner: left}
  - {left: hs_lead_status, right: status_name, owner: right, values: {NEW: Lead, OPEN: Active}}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a schema file."""
    (tmp_path / "pair").mkdir()
    (tmp_path / "pair" / "schemas.yaml").write_text(SCHEMAS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def check(text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """`syncd map check` on a text: its exit code and its lines."""
    Path("pair/contacts.yaml").write_text(text, encoding="utf-8")
    code = main(["map", "check", "pair/contacts.yaml"])
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return code, said.out.splitlines()


def test_a_good_map_is_a_tick(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is wrong with the map that the mistakes below are made in."""
    assert check(MAP, capsys) == (0, ["✓ pair/contacts.yaml: 4 rules."])


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("left: firstname,", "left: fristname,", "11:12", "firstname"),
        ("left.firstname !=", "left.fristname !=", "9:18", "fristname"),
        ("firstname != ''", "firstname !! ''", "9:33", "Expression"),
        ("NEW: Lead", "NEW: Led", "14", "Lead"),
        ("values: {NEW: Lead, OPEN: Active}", "values: {NEWW: Lead, OPEN: Active}", "14", "NEW"),
        ("right: points,", "right: email,", "13", "email"),
        ("first_link: ask", "first_link: ask\nfirst_link: left", "8:1", "first_link"),
        ("first_link: ask", "first_link: aks", "7", "ask"),
        ("first_link: ask", "frist_link: ask", "7", "first_link"),
        ("version: 1", "version: [", "3:5", "YAML"),
        ("right: points, owner: left", "right: points", "13", "owner"),
        ("left: score, right: points", "left: score, right: status_name", "13", ""),
    ],
    ids=[
        "unknown-field", "unknown-field-in-condition", "bad-condition", "unknown-option-right", "unknown-option-left",
        "two-rules-one-target", "duplicate-key", "unknown-word", "unknown-key", "not-yaml", "no-owner", "wrong-type",
    ],
)  # fmt: skip
def test_a_mistake_names_its_place_and_the_remedy(
    old: str, new: str, place: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some line is marked as an error, stands at the very place, and names what was meant."""
    assert old in MAP
    code, lines = check(MAP.replace(old, new, 1), capsys)
    assert code == 2
    wrong = [line for line in lines if line.startswith(f"✗ pair/contacts.yaml:{place}")]
    assert wrong, lines
    assert says in wrong[0]


def test_json_tells_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs, the same mistakes are objects."""
    Path("pair/contacts.yaml").write_text(MAP.replace("left: firstname", "left: fristname"), encoding="utf-8")
    assert main(["map", "check", "pair/contacts.yaml", "--format", "json"]) == 2
    (found,) = json.loads(capsys.readouterr().out)
    assert found["severity"] == "error"
    assert found["place"].startswith("pair/contacts.yaml:11:")


def test_a_map_may_name_its_neighbors(capsys: pytest.CaptureFixture[str]) -> None:
    """A map checked alone is checked among those of its folder, so that `after` finds its parents."""
    Path("pair/contacts.yaml").write_text(MAP, encoding="utf-8")
    child = MAP.replace("name: contacts", "name: child\nafter: [contacts]")
    Path("pair/child.yaml").write_text(child, encoding="utf-8")
    assert main(["map", "check", "pair/child.yaml"]) == 0
    assert capsys.readouterr().out == "✓ pair/child.yaml: 4 rules.\n"
    Path("pair/child.yaml").write_text(child.replace("[contacts]", "[contcts]"), encoding="utf-8")
    assert main(["map", "check", "pair/child.yaml"]) == 2
    assert "contacts" in capsys.readouterr().out


def test_a_map_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is neither a file nor a shipped map is said, with the shipped ones."""
    assert main(["map", "check", "nope.yaml"]) == 2
    assert capsys.readouterr().err.startswith("error: nope.yaml: There is no such map")


def test_the_shipped_maps_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name the shipped maps are checked, and no mistake is in them."""
    assert main(["map", "check"]) == 0
    assert "✗" not in capsys.readouterr().out


def test_what_is_too_much_is_told_as_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is merely huge is called huge; one that a few aliases unfold is told of its aliases."""
    rules = "".join(f"  - {{left: a{n}, right: b{n}, owner: left}}\n" for n in range(8_000))
    once = "  - &once {left: a, right: b, owner: left}\n  - *once\n"
    code, (line,) = check(f"{MAP}{once}{rules}", capsys)
    assert code == 2
    assert "holds more than 50,000 words, lists and tables" in line
    assert "alias" not in line
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcd", "bcde", strict=True)
    )
    code, (line,) = check(bomb, capsys)
    assert code == 2
    assert "unfolds to more than 50,000 words" in line and "take the aliases (*name) away" in line
