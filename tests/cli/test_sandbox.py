"""`syncd sandbox` as a real process: it serves, it can be spoken to, and it stops when told to."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from syncd.cli import main
from syncd.kit.remote import Remote


def start(*options: str) -> subprocess.Popen[str]:
    """`syncd sandbox jobnimbus` with these options."""
    command = [sys.executable, "-u", "-m", "syncd", "sandbox", "jobnimbus", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_serves_with_the_switches_that_were_set() -> None:
    """A free port, a seed, leads and switches; SIGTERM ends it with exit code 0 and no trace."""
    with start("--leads", "3", "--set", "index_lag=0.5") as process:
        assert process.stdout is not None
        said = process.stdout.readline() + process.stdout.readline()
        found = re.search(r"jobnimbus sandbox on (http://127\.0\.0\.1:\d+)", said)
        assert found, said
        with closing(Remote(found[1])) as remote:
            assert remote.settings()["index_lag"] == 0.5
            assert len(remote.records("contacts")) >= 3
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_it_serves_https_to_whoever_trusts_its_authority(tmp_path: Path) -> None:
    """The line for the set-up names the file; a folder that cannot be made is one line."""
    with start("--tls", str(tmp_path / "tls")) as process:
        assert process.stdout is not None
        found = re.search(r"jobnimbus sandbox on (https://127\.0\.0\.1:\d+)", process.stdout.readline())
        assert process.stdout.readline() == "The API key is sandboxkey0000001.\n"
        told = process.stdout.readline()
        assert found and f'ca_file = "{tmp_path / "tls" / "ca.pem"}"' in told, told
        with closing(Remote(found[1], tmp_path / "tls" / "ca.pem")) as remote:
            assert remote.health()["name"] == "jobnimbus"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    (tmp_path / "file").write_text("")
    with start("--tls", str(tmp_path / "file" / "tls")) as second:
        _, errors = second.communicate(timeout=10)
    assert second.returncode == 2 and errors.startswith("error: --tls"), errors


def test_alone_it_lists_the_vendors(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name, the names are shown."""
    assert main(["sandbox"]) == 0
    assert {"hubspot", "jobnimbus"} <= set(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["nimbusjob"], "Installed: hubspot, jobnimbus, salesforce."),
        (["jobnimbus", "--set", "index_lag"], "is not SWITCH=VALUE"),
        (["jobnimbus", "--set", "index_leg=1"], "unknown switch index_leg"),
    ],
)
def test_what_cannot_be_served_is_said(typed: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A vendor or a switch that is not known is one line that names the known ones."""
    assert main(["sandbox", *typed]) == 2
    assert says in capsys.readouterr().err


def test_a_port_in_use_is_said() -> None:
    """A second sandbox on the same port does not end in a traceback; Ctrl-C ends the first."""
    with start() as first:
        assert first.stdout is not None
        port = first.stdout.readline().split("127.0.0.1:")[1].split(" ")[0]
        with start("--port", port) as second:
            _, errors = second.communicate(timeout=10)
        assert second.returncode == 2
        assert errors.startswith(f"error: --port {port}: cannot be used")
        assert "Traceback" not in errors
        first.send_signal(signal.SIGINT)
        assert first.wait(timeout=10) == 0


@pytest.mark.parametrize("rate", ["foo", "0/1", "1/0", "20", "20/1s", "off", ""])
@pytest.mark.parametrize("more", [[], ["--until-settled"]])
def test_a_demo_of_no_rate(rate: str, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A rate that one of the sandboxes could not read is told with its form, before anything starts."""
    assert main(["demo", "--rate", rate, *more]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: --rate {rate}: is not REQUESTS/SECONDS.")


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"First Name,Shoe size\nAna,38\n", "Shoe size"), (b"\xff\xfe\x00\x81", "not UTF-8")],
)
def test_a_demo_of_a_spreadsheet_that_is_none(
    side: str, content: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty, a strange and a binary file are told by the file's name, for either side."""
    file = tmp_path / "rows.csv"
    file.write_bytes(content)
    assert main(["demo", "--until-settled", "--leads", "0", f"--{side}-csv", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {file}: ")
    assert says in line
