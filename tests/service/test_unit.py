"""The systemd unit, judged by systemd's own tools. Not here: what syncd tells systemd (`test_manager`)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from syncd.cli import main
from syncd.service.unit import Unit

EXPOSED = 2.0
"""The most that `systemd-analyze security` may find exposed, of ten."""

CONFIG = """\
[syncd]
store = "sqlite:////var/lib/syncd/syncd.db"
store_password = {credential = "database"}
[systems.hubspot]
connector = "hubspot"
token = {credential = "hubspot_token"}
webhook_secret = {credential = "hubspot_token"}
[systems.jobnimbus]
connector = "jobnimbus"
api_key = {env = "KEY"}
[alerts]
to = [{credential = "mail"}, {env = "SLACK"}, {credential = "pager"}]
"""


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What systemd says of it."""
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("verb", ["run", "work"])
@pytest.mark.parametrize("writes", [(), ("/etc/syncd", "/srv/our maps/100%")])
def test_systemd_takes_it_and_finds_it_hardened(tmp_path: Path, verb: str, writes: tuple[str, ...]) -> None:
    """No complaint about a line of it, and hardly anything of the machine is exposed, also if the console may write."""
    unit, config = tmp_path / "syncd.service", tmp_path / "config.toml"
    folders = [Path(one) for one in writes]
    made = Unit(program=Path(sys.executable), config=config, credentials=["one", "two"], verb=verb, writes=folders)
    unit.write_text(made.text(), encoding="utf-8")
    verified = analyzed("verify", str(unit))
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    judged = analyzed("security", "--offline=true", "--no-pager", str(unit)).stdout
    level = re.search(r"Overall exposure level for syncd\.service: ([\d.]+)", judged)
    assert level is not None and float(level[1]) <= EXPOSED, judged


def test_the_verb_writes_it_for_this_program_and_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names both, hands over each credential once, and needs no secret to be there."""
    config, program = tmp_path / "config.toml", tmp_path / "bin" / "syncd"
    config.write_text(CONFIG, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setattr(sys, "executable", "/opt/syncd/bin/python")
    out = tmp_path / "syncd.service"
    assert main(["service", "unit", "-c", str(config), "-o", str(out), "--memory", "1G", "--user", "sync"]) == 0
    said = capsys.readouterr()
    assert said.out == f"Wrote {out}.\n"
    assert said.err == "warning: a service has no variables: make credentials of KEY, SLACK.\n"
    lines = out.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("LoadCredential")] == [
        f"LoadCredential={name}:{tmp_path}/credentials/{name}"
        for name in ("database", "hubspot_token", "mail", "pager")
    ]
    for line in (f"ExecStart={program} run", f"Environment=SYNCD_CONFIG={config}", "MemoryMax=1G", "User=sync"):
        assert line in lines
    assert main(["service", "unit", "-c", str(config), "--worker"]) == 0
    assert f"ExecStart={program} work\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("maps", "folders"), [("", []), ('maps = "own"', []), ('maps = "../elsewhere/our maps"', ["elsewhere/our maps"])]
)
def test_the_console_may_write_where_it_is_let(
    maps: str, folders: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By an option, the folders of the set-up and of the maps; never the keys, and without it nothing."""
    home = tmp_path / "etc"
    for folder in (home / "own", tmp_path / "elsewhere" / "our maps"):
        folder.mkdir(parents=True)
    config = home / "config.toml"
    config.write_text(CONFIG.replace("[systems.hubspot]", f"{maps}\n[systems.hubspot]"), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["/opt/syncd/bin/syncd"])
    monkeypatch.setattr(sys, "executable", "/opt/syncd/bin/python")
    assert main(["service", "unit", "-c", str(config)]) == 0
    assert "WritePaths" not in capsys.readouterr().out
    assert main(["service", "unit", "-c", str(config), "--console-writes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(("ReadWritePaths", "ReadOnlyPaths"))] == [
        f"ReadWritePaths={home}",
        *(f'ReadWritePaths="{tmp_path / one}"' for one in folders),
        f"ReadOnlyPaths=-{home}/credentials",
    ]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set-up, and a syncd that lies where a service sees it."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["/opt/syncd/bin/syncd"])
    monkeypatch.setattr(sys, "executable", "/opt/syncd/bin/python")
    return config


def test_maps_that_a_service_does_not_see_are_told(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of maps in somebody's home cannot be let to the console."""
    monkeypatch.setenv("SYNCD_MAPS", "/root")
    assert main(["service", "unit", "-c", str(installed), "--console-writes"]) == 2
    assert "does not see it" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["root", "home"])
@pytest.mark.parametrize("what", ["argv", "executable"])
def test_what_a_service_does_not_see_is_refused(
    place: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program in a home folder, or one whose Python is, would not start: it is told where to install it."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    found = {
        "argv": "/opt/syncd/bin/syncd",
        "executable": "/opt/syncd/bin/python",
        what: str(Path("/", place, "bin", "x")),
    }
    monkeypatch.setattr(sys, "argv", [found["argv"]])
    monkeypatch.setattr(sys, "executable", found["executable"])
    assert main(["service", "unit", "-c", str(config)]) == 2
    assert "Install syncd under /opt" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told(
    installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do."""
    assert main(["service", "unit", "-c", str(installed), "-o", str(tmp_path / "no" / "syncd.service")]) == 2
    assert "Run it as root" in capsys.readouterr().err
