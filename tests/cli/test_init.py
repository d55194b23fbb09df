"""`syncd init`: what it writes is a set-up that loads. Not here: what each setting does (tests/test_config.py)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from syncd.cli import main
from syncd.config import Config, SystemShape, load
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer
from syncd_jobnimbus.sandbox import JobNimbusSandbox
from syncd_salesforce import Salesforce
from syncd_salesforce.sandbox import SalesforceSandbox
from tests.cli.conftest import KEY, TOKEN

KNOWN = {
    "hubspot": SystemShape("token"),
    "jobnimbus": SystemShape("api_key"),
    "salesforce": SystemShape(Salesforce.secret_name, Salesforce.settings),
}
SALESFORCE = {"SALESFORCE_SECRET": "sandbox-consumer-secret", "JOBNIMBUS_API_KEY": "sandboxkey0000001"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


def written(*options: str, environ: dict[str, str] | None = None, file: str = "config.toml") -> Config:
    """Run init and load what it wrote."""
    assert main(["init", *options]) == 0
    return load(file, environ or {"HUBSPOT_TOKEN": "x", "JOBNIMBUS_API_KEY": "y"}, known=KNOWN)


def test_the_defaults_are_a_set_up_that_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """With --yes nothing is asked; the pair begins in mode plan, and the next steps are named."""
    config = written("--yes")
    pair = config.pairs["sales"]
    assert (pair.left, pair.right, pair.mode, pair.every) == ("hubspot", "jobnimbus", "plan", timedelta(seconds=30))
    assert pair.maps
    said = capsys.readouterr().out
    assert "export HUBSPOT_TOKEN=..." in said
    assert "syncd check" in said


def test_options_are_taken() -> None:
    """Every option ends up in its place."""
    config = written(
        "--yes", "-o", "other.toml", "--pair", "roofs", "--left-env", "A", "--right-env", "B", "--timezone",
        "America/Denver", "--left-url", "http://127.0.0.1:9101", "--right-url", "http://127.0.0.1:9102",
        environ={"A": "a", "B": "b"}, file="other.toml",
    )  # fmt: skip
    assert set(config.pairs) == {"roofs"}
    left, right = config.systems["hubspot"], config.systems["jobnimbus"]
    assert (left.secret, left.base_url) == ("a", "http://127.0.0.1:9101")
    assert (right.secret, right.base_url, right.timezone) == ("b", "http://127.0.0.1:9102", "America/Denver")


def test_answers_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed is written; an empty line takes what is proposed."""
    answers = iter(["", "", "Europe/Berlin", "roofs", "MY_KEY", ""])
    monkeypatch.setattr("typer.prompt", lambda _question, default: next(answers) or default)
    config = written(environ={"MY_KEY": "x", "JOBNIMBUS_API_KEY": "y"})
    assert config.systems["jobnimbus"].timezone == "Europe/Berlin"
    assert set(config.pairs) == {"roofs"}


@pytest.mark.parametrize("left", ["hubspot", "salesforce"])
def test_a_time_zone_is_written_only_where_the_vendor_does_not_tell_it(left: str) -> None:
    """JobNimbus needs one; with it in another system `check` would warn, should the account say another one."""
    needed = ["--left-set", "my_domain=acme.my.salesforce.com", "--left-set", "client_id=x"]
    options = ["--left", left, *(needed if left == "salesforce" else []), "--timezone", "America/Denver"]
    systems = written("--yes", *options, environ={**SALESFORCE, "HUBSPOT_TOKEN": "x"}).systems
    assert (systems[left].timezone, systems["jobnimbus"].timezone) == (None, "America/Denver")


def test_no_time_zone_is_asked_for_where_both_vendors_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two accounts of HubSpot are set up without one."""
    asked: list[str] = []
    monkeypatch.setattr("typer.prompt", lambda question, default: asked.append(question) or default)
    systems = written("--right", "hubspot", environ={"HUBSPOT_TOKEN": "x", "HUBSPOT2_TOKEN": "y"}).systems
    assert not any("zone" in question for question in asked)
    assert {system.timezone for system in systems.values()} == {None}


def test_a_file_that_is_there_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --force nothing is written over; with it, it is."""
    Path("config.toml").write_text("mine", encoding="utf-8")
    assert main(["init", "--yes"]) == 2
    assert "--force" in capsys.readouterr().err
    assert Path("config.toml").read_text(encoding="utf-8") == "mine"
    assert written("--yes", "--force").pairs


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--timezone", "Chicago"], "not a time zone"),
        (["--left", "hubspt"], "Installed: hubspot, jobnimbus, salesforce."),
        (["--pair", "My Pair"], "is not a name"),
        (["--right", "hubspot", "--right-url", "http://example.com"], "must begin with https"),
    ],
)
def test_a_wrong_answer_writes_nothing(options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake is told in one line, and no file is left behind."""
    assert main(["init", "--yes", *options]) == 2
    assert says in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_two_accounts_of_one_vendor_get_two_names() -> None:
    """The same connector on both sides makes two systems."""
    config = written("--yes", "--right", "hubspot", environ={"HUBSPOT_TOKEN": "x", "HUBSPOT2_TOKEN": "y"})
    assert set(config.systems) == {"hubspot", "hubspot2"}


@pytest.mark.parametrize("output", ["nonexist/x.toml", "folder"])
def test_a_place_where_nothing_can_be_written(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there, and a file that is a folder, are told in one line with the name."""
    Path("folder").mkdir()
    assert main(["init", "--yes", "--force", "--output", output]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {output}: cannot be written")
    assert "--output" in line


def test_what_a_connector_needs_besides_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Salesforce has no address of its own and an app with a key: both are asked for, and its maps are named."""
    answers = iter(["salesforce", "", "", "", "", "acme.my.salesforce.com", "3MVG9", ""])
    monkeypatch.setattr("typer.prompt", lambda _question, default: next(answers) or default)
    config = written(environ=SALESFORCE)
    system = config.systems["salesforce"]
    assert (system.options["my_domain"], system.options["client_id"]) == ("acme.my.salesforce.com", "3MVG9")
    assert {name.partition("/")[2] for name in config.pairs["sales"].maps} == {
        "leads.yaml", "contacts.yaml", "opportunities-jobs.yaml",
    }  # fmt: skip


def test_what_a_connector_needs_besides_may_be_options() -> None:
    """With --yes they are given; numbers and flags are written as such, and an address stands in for the domain."""
    config = written(
        "--yes", "--left", "salesforce", "--left-url", "http://127.0.0.1:9103", "--left-set", "client_id=3MVG9",
        "--left-set", "overlap=60", "--left-set", "own_user=true", environ=SALESFORCE,
    )  # fmt: skip
    options = config.systems["salesforce"].options
    assert (options["client_id"], options["overlap"], options["own_user"]) == ("3MVG9", 60, True)
    assert options["my_domain"] == ""


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "salesforce.my_domain: is needed. Say it with --left-set my_domain=VALUE"),
        (["--left-set", "my_domain=a.my.salesforce.com"], "salesforce.client_id: is needed."),
        (["--left-set", "my_domain"], "--left-set my_domain: is not NAME=VALUE."),
        (["--left-url", "http://127.0.0.1:1", "--left-set", "client_id=x", "--left-set", "shoe=9"], "is not a setting"),
    ],
)
def test_what_a_connector_lacks_is_said(given: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is needed and was not given is named with its option; nothing is written."""
    assert main(["init", "--yes", "--left", "salesforce", *given]) == 2
    assert says in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_paths_count_from_the_folder_of_the_file_that_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """A relative `ca_file` is looked up beside the config; one that is not there is told by the setting's name."""
    Path("set-up/tls").mkdir(parents=True)
    Path("set-up/tls/ca.pem").touch()
    options = ("--yes", "-o", "set-up/config.toml", "--left-set")
    assert main(["init", *options, "ca_file=tls/other.pem"]) == 2
    told, missing = capsys.readouterr().err, Path("set-up/tls/other.pem").resolve()
    assert told.startswith(f"error: systems.hubspot.ca_file: names a file that is not there: {missing}.")
    config = written(*options, "ca_file=tls/ca.pem", file="set-up/config.toml")
    assert config.systems["hubspot"].ca_file == Path("set-up/tls/ca.pem").resolve()


def test_check_accepts_what_init_wrote(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A set-up with Salesforce, straight from init, has no mistake in front of both vendors' sandboxes."""
    with (
        SandboxServer(SalesforceSandbox()) as left,
        SandboxServer(JobNimbusSandbox(settings={"index_lag": 0})) as right,
    ):
        for sandbox in (left.sandbox, right.sandbox):
            sandbox.seed({"leads": 3})
        for name, value in SALESFORCE.items():
            monkeypatch.setenv(name, value)
        written(
            "--yes", "--left", "salesforce", "--left-url", left.url, "--right-url", right.url,
            "--left-set", "client_id=sandbox-consumer-key", "--timezone", "America/Denver", environ=SALESFORCE,
        )  # fmt: skip
        code, said = main(["check"]), capsys.readouterr().out
        assert code == 0 and "The setting says" not in said, said


def test_keys_are_asked_for_kept_and_tried(
    vendors: tuple[Remote, Remote], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Typed unseen, each in a file of its own for the owner alone; then the set-up is checked and a plan shown."""
    left, right = vendors
    left.reset(settings={"index_lag": {"kind": "none"}, "rate": "off"})
    right.reset(settings={"index_lag": 0.0})
    typed = {"hubspot token": TOKEN, "jobnimbus api key": KEY}
    monkeypatch.setattr("typer.prompt", lambda question, **_: typed.pop(question))
    urls = ["--left-url", left.url, "--right-url", right.url]
    assert main(["init", "--yes", "--credentials", "--store", "sqlite:///memory.db", *urls]) == 0
    said = capsys.readouterr()
    assert "✓ hubspot: account: The key opens" in said.out and "Nothing was written." in said.out
    assert TOKEN not in said.out + said.err and not typed
    assert TOKEN not in Path("config.toml").read_text(encoding="utf-8")
    for name, key in (("hubspot_token", TOKEN), ("jobnimbus_api_key", KEY)):
        kept = Path("credentials") / name
        assert (kept.read_text(encoding="utf-8"), kept.stat().st_mode & 0o777) == (f"{key}\n", 0o600)
    assert Path("credentials").stat().st_mode & 0o777 == 0o700
    assert Path("memory.db").exists()
    assert main(["init", "--yes", "--credentials", "--force", *urls]) == 0
    assert "is there already, and is used" in capsys.readouterr().out


def test_a_wrong_key_is_told_at_once(
    vendors: tuple[Remote, Remote], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do; the file is there to be mended."""
    left, right = vendors
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "a-wrong-key-0123456")
    assert main(["init", "--yes", "--credentials", "--left-url", left.url, "--right-url", right.url]) == 2
    said = capsys.readouterr()
    assert "✗ hubspot" in said.out and "a-wrong-key" not in said.out + said.err
