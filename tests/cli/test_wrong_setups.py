"""Wrong set-ups against real (sandboxed) accounts: each is one clear error with its place and remedy, no traceback.

Not here: mistakes that are found offline (test_wrong_maps, tests/test_config.py); a pick-list value without a
counterpart, which parks one record while the run goes on (test_work).
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys

import pytest

from syncd.cli import main
from tests.cli.conftest import House


def check(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """`syncd check`: its exit code and everything it said, by line."""
    code = main(["check"])
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return code, (said.out + said.err).splitlines()


def errors(lines: list[str]) -> list[str]:
    """The lines that tell of a mistake."""
    return [line for line in lines if line.startswith(("✗", "error:"))]


def test_a_good_set_up_has_no_error(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The set-up in which the mistakes below are made is right, and both systems are looked at."""
    code, lines = check(capsys)
    assert (code, errors(lines)) == (0, [])
    assert any(line.startswith("✓ hubspot: ") for line in lines)
    assert any(line.startswith("✓ jobnimbus: ") for line in lines)


def test_a_missing_key(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A variable that is not set is told with the line of its setting and the command that sets it."""
    monkeypatch.delenv("HUBSPOT_TOKEN")
    code, lines = check(capsys)
    assert code == 2
    (line,) = errors(lines)
    assert line.startswith("error: config.toml:10: `systems.hubspot.token`") or "config.toml:" in line
    assert "export HUBSPOT_TOKEN" in line


@pytest.mark.parametrize("variable", ["HUBSPOT_TOKEN", "JOBNIMBUS_API_KEY"])
def test_a_wrong_key(
    house: House, variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key that the vendor refuses is an error of the check, names the system and never shows the key."""
    monkeypatch.setenv(variable, "wrong-key-0123456789")
    code, lines = check(capsys)
    assert code == 2
    assert any(re.search("hubspot" if variable.startswith("HUB") else "jobnimbus", line) for line in errors(lines))
    assert not any("wrong-key" in line for line in lines)
    of_system, of_pair = errors(lines)
    assert of_pair.startswith("✗ pair sales: ") and "Try again" not in of_pair
    assert of_pair.endswith(of_system[-60:])


def test_a_refused_key_ends_other_verbs_with_its_own_code(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`once` with a key that the vendor refuses ends with exit code 3 and one line."""
    monkeypatch.setenv("JOBNIMBUS_API_KEY", "wrong-key-0123456789")
    assert main(["once"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "wrong-key" not in said


def test_a_missing_scope(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A HubSpot key without the right to read contacts is told by the very scope."""
    house.left.act("token", token="narrow-token", scopes=["crm.schemas.contacts.read", "crm.objects.owners.read"])
    monkeypatch.setenv("HUBSPOT_TOKEN", "narrow-token")
    code, lines = check(capsys)
    assert code == 2
    assert any("crm.objects.contacts.read" in line for line in errors(lines))


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("left: city,", "left: ctiy,", "14:", "Did you mean city"),
        ("status_name: Lead", "status_name: Leed", "4:", "Lead"),
        ("Referral: Referral}", "Referral: Referal}", "15:", "Referral"),
        ("left.lifecyclestage ==", "left.lifecyclestage =!", "9:", "Expression"),
        ("first_link: ask", "first_link: ask\nfirst_link: ask", "8:", "first_link"),
        ("right: city,", "right: email,", "14:", "email"),
        ("left: city,", "left: hs_object_id, convert: date,", "14:", ""),
    ],
    ids=[
        "unknown-field", "unknown-status", "unknown-option", "bad-condition", "duplicate-key", "two-rules-one-target",
        "wrong-type",
    ],
)  # fmt: skip
def test_a_wrong_map(
    house: House, old: str, new: str, place: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake that only the account shows, or any other, is told with file, line and what was meant; nothing runs."""
    house.map(old, new)
    code, lines = check(capsys)
    assert code == 2
    found = [line for line in errors(lines) if f"maps/small/contacts.yaml:{place}" in line]
    assert found, lines
    assert says in found[0]
    before = house.right.mark()
    assert main(["once"]) == 2
    assert house.right.writes(before) == []


def test_an_unknown_pair(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A pair that is not set up is told with the known ones."""
    assert main(["plan", "sails"]) == 2
    assert capsys.readouterr().err == "error: pair sails: there is no such pair. Known: sales.\n"


def test_a_map_that_is_not_there(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A map that the pair names and nobody wrote is told with the names there are."""
    house.config("small/contacts.yaml", "small/contact.yaml")
    code, lines = check(capsys)
    assert code == 2
    assert any("small/contact.yaml" in line and "small/contacts.yaml" in line for line in errors(lines))


def test_a_store_of_another_version(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A store that a newer syncd wrote is refused before anything runs, and is not touched."""
    assert main(["db", "upgrade"]) == 0
    with sqlite3.connect("syncd.db") as database:
        database.execute("update alembic_version set version_num = '9999'")
    database.close()
    for verb in (["check"], ["once"], ["status"], ["db", "check"], ["db", "upgrade"]):
        capsys.readouterr()
        assert main(verb) == 2
        said = capsys.readouterr()
        (line,) = errors((said.out + said.err).splitlines())
        assert "store" in line
        assert "9999" in line
        assert "newer syncd" in line


def test_a_vendor_that_is_down_is_not_a_wrong_set_up(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """When nobody answers, `once` ends with exit code 4: it may work later."""
    house.config(house.right.url, "http://127.0.0.1:9")
    house.config("[timing]", '[timing]\nretry_for = "200ms"')
    assert main(["once"]) == 4
    said = capsys.readouterr().err
    assert "error: " in said
    assert "try again later" in said


def test_a_real_process_leaves_no_traceback(house: House) -> None:
    """The same as a process: exit code, one line on stderr, nothing else."""
    house.config('connector = "hubspot"', 'connector = "hubspt"')
    done = subprocess.run([sys.executable, "-m", "syncd", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: config.toml:9: `systems.hubspot.connector`")
    assert line.endswith("Did you mean `hubspot`?")


@pytest.mark.parametrize(
    ("old", "new", "place", "known"),
    [
        ("left: {kind: contacts}", "left: {kind: contactz}", "3:14", "contacts, deals"),
        ("right: {kind: contacts,", "right: {kind: contactz,", "4:15", "contacts, jobs"),
    ],
)
def test_a_kind_that_a_system_has_not(
    house: House, old: str, new: str, place: str, known: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped kind is told at its place in the map with the kinds there are."""
    house.map(old, new)
    code, lines = check(capsys)
    assert code == 2
    (line,) = errors(lines)
    assert f"maps/small/contacts.yaml:{place}: " in line
    assert known in line
    assert main(["once"]) == 2
