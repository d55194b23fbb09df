"""What a person sees when something goes wrong: one clear line, an exit code, and no traceback unless asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import syncd.cli.root
from syncd.cli import main
from syncd.cli.failures import CHECK, HINT, LATER
from syncd.errors import Ambiguous, AuthError, Bug, ConfigError, Problem, Refused, SyncdError, Transient


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every command fail with this error."""

    def broken(**_: object) -> None:
        raise error

    monkeypatch.setattr(syncd.cli.root, "command", lambda: broken)


def of(system: str, error: SyncdError) -> SyncdError:
    """The error, of this system."""
    error.system = system
    return error


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError(Problem("config.toml:3", "is wrong.", "Mend it.")), 2, "error: config.toml:3: is wrong. Mend it."),
        (
            AuthError("HubSpot refuses.", permission="crm.read"),
            3,
            f"error: HubSpot refuses. Missing: crm.read. {CHECK}",
        ),
        (AuthError("HubSpot wants crm.read.", permission="crm.read"), 3, f"error: HubSpot wants crm.read. {CHECK}"),
        (AuthError("HubSpot refuses.", system="crm"), 3, f"error: crm: HubSpot refuses. {CHECK}"),
        (AuthError("crm shows no fields", system="crm"), 3, f"error: crm shows no fields. {CHECK}"),
        (of("crm", Transient("All calls are used up.")), 4, f"error: crm: All calls are used up. {LATER}"),
        (of("crm", Transient("crm: GET /: no answer.")), 4, f"error: crm: GET /: no answer. {LATER}"),
        (Transient("JobNimbus is down."), 4, f"error: JobNimbus is down. {LATER}"),
        (Transient("The store does not answer"), 4, f"error: The store does not answer. {LATER}"),
        (Ambiguous("The answer was lost."), 4, f"error: The answer was lost. {LATER}"),
        (Refused("It says no."), 1, "error: It says no."),
        (Bug("Two bases."), 70, f"error: Two bases.\n{HINT}"),
        (ZeroDivisionError("by zero"), 70, f"error: ZeroDivisionError: by zero\n{HINT}"),
    ],
)
def test_an_error_is_a_line_and_a_code(
    error: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind of error has its exit code and says what to do, on stderr and nowhere else."""
    fail_with(error, monkeypatch)
    assert main(["check"]) == code
    assert capsys.readouterr() == ("", f"{line}\n")


def test_every_problem_has_its_own_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Two mistakes in a set-up are two lines."""
    fail_with(ConfigError([Problem("a:1", "one."), Problem("b:2", "two.")]), monkeypatch)
    main([])
    assert capsys.readouterr().err.splitlines() == ["error: a:1: one.", "error: b:2: two."]


def test_a_traceback_only_when_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--debug adds where the error came from."""
    fail_with(ZeroDivisionError("by zero"), monkeypatch)
    assert main(["--debug", "check"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("typed", [["chekc"], ["check", "--formt"], ["plan", "a", "b"], ["conflicts", "take", "x"]])
def test_a_mistyped_command_is_a_usage_error(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be understood ends with exit code 2 and how it is used."""
    assert main(typed) == 2
    said = capsys.readouterr().err
    assert "Usage: syncd" in said
    assert "Traceback" not in said


def test_no_config_file_names_the_ways_to_give_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In an empty folder every verb that needs a set-up says how to get one."""
    pytest.importorskip("syncd.app")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SYNCD_CONFIG", raising=False)
    for verb in ("check", "plan", "once", "run", "status", "parked", "held list", "retry"):
        assert main(verb.split()) == 2
        said = capsys.readouterr().err
        assert "syncd init" in said
        assert "--config" in said


def test_help_is_quick() -> None:
    """`syncd --help` loads nothing heavy: no database, no web server, no vendor's client."""
    code = "import sys; from syncd.cli import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"sqlalchemy", "httpx", "uvicorn", "starlette", "pydantic", "rich", "structlog", "ruamel", "hubspot"}
    assert loaded & heavy == set()
