"""How the systems are, as `status` tells it after verbs that met trouble. Not here: the daemon in trouble."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncd.app import App
from syncd.cli import main
from syncd.errors import AuthError
from syncd.kit.careful import Careful
from syncd.lab.process import until
from syncd.store.runs import SystemState
from tests.cli.conftest import House
from tests.service.test_alerting import service

FIELDS, ROWS = "/crm/properties", "/crm/objects"
REFUSED, DOWN = {"fault": "401", "rate": 1.0}, {"fault": "503", "rate": 1.0}


def systems(capsys: pytest.CaptureFixture[str]) -> Any:
    """What `status` says of the systems."""
    capsys.readouterr()
    main(["status", "--format", "json"])
    return json.loads(capsys.readouterr().out)["systems"]


@pytest.mark.parametrize("verb", ["once", "plan"])
@pytest.mark.parametrize(
    ("trouble", "code", "state"), [(REFUSED, 3, "paused"), (DOWN, 4, "waiting")], ids=["key", "outage"]
)
@pytest.mark.parametrize("path", [FIELDS, ROWS], ids=["at the start", "while it reads"])
def test_trouble_that_a_verb_met_is_told_by_status_until_it_is_over(
    verb: str, trouble: dict[str, Any], code: int, state: str, path: str, house: House,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The system in trouble is named, with a reason; the other one is well. The next pass that is done clears it."""
    house.config("[timing]", '[timing]\nretry_for = "100ms"')
    house.left.faults({**trouble, "path": path})
    assert main([verb]) == code
    told = systems(capsys)
    assert (told["hubspot"]["state"], told["jobnimbus"]["state"]) == (state, "ok")
    assert told["hubspot"]["reason"] and told["hubspot"]["until"]
    house.left.faults()
    assert main([verb]) == 0
    assert systems(capsys)["hubspot"] == {"state": "ok", "until": None, "reason": None}


@pytest.mark.parametrize(("trouble", "says", "codes"), [(DOWN, "does not answer", [0]), (REFUSED, "is paused", [3, 3])])
def test_a_daemon_that_cannot_begin_tells_somebody(
    trouble: dict[str, Any], says: str, codes: list[int], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing works yet, and nobody looks at the log. With a refused key it ends, and is started again."""
    alerts = '[alerts]\nto = [{env = "ALERT"}]\nafter = "1s"\nevery = "200ms"\n\n'
    house.config("[timing]", f'{alerts}[timing]\nretry_for = "100ms"')
    house.left.faults({**trouble, "path": FIELDS})
    with service() as (heard, address):
        monkeypatch.setenv("ALERT", address)
        for code in codes:
            with subprocess.Popen([sys.executable, "-m", "syncd", "run"], stderr=subprocess.DEVNULL) as daemon:
                if code == 0:
                    until(lambda: bool(heard), within=30, what="the alert")
                    daemon.terminate()
                assert daemon.wait(timeout=30) == code
    assert len(heard) == 1
    assert "hubspot" in heard[0]["title"] and says in heard[0]["message"]


@pytest.mark.parametrize("mended", [True, False], ids=["mended", "told to stop"])
def test_a_daemon_waits_for_a_system_that_is_down_at_the_start(
    mended: bool, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """It tells so in the log and by `status`; it begins when the trouble is over, and SIGTERM ends it before that."""
    house.config("[timing]", '[timing]\nretry_for = "100ms"')
    house.left.faults({**DOWN, "path": FIELDS})
    with subprocess.Popen([sys.executable, "-m", "syncd", "run"], stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        try:
            told = json.loads(daemon.stderr.readline())
            while told["event"] in ("listening", "retry"):
                told = json.loads(daemon.stderr.readline())
            assert (told["event"], told["system"]) == ("waiting", "hubspot")
            assert systems(capsys)["hubspot"]["state"] == "waiting"
            if mended:
                house.left.faults()
                house.lead()
                while told["event"] != "run":
                    told = json.loads(daemon.stderr.readline())
                assert systems(capsys)["hubspot"]["state"] == "ok"
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(timeout=20) == 0
        finally:
            daemon.kill()


def test_a_daemon_ends_when_a_key_is_refused_at_the_start(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A new key is read at the next start, so there is nothing to wait for; `status` tells whose key it is."""
    house.left.faults({**REFUSED, "path": FIELDS})
    ended = subprocess.run([sys.executable, "-m", "syncd", "run"], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert "`syncd check`" in ended.stderr
    assert systems(capsys)["hubspot"]["state"] == "paused"


def test_a_pass_that_is_done_ends_the_wait_that_a_daemon_noted(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """A daemon ended in the middle of a long wait; `once` has its answers, so nobody waits any more."""
    now = datetime.now(tz=UTC)
    with App.open(None) as app, app.ready_store.begin() as tx:
        tx.runs.set_system(SystemState("jobnimbus", "waiting", "The limit.", now, now + timedelta(hours=1)))
    assert main(["once"]) == 0
    assert systems(capsys)["jobnimbus"]["state"] == "ok"


def test_status_names_the_permission_that_is_missing(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the vendor's sentence does not name it, the reason does."""

    def forbidden(self: Careful, kind: str) -> Any:
        raise AuthError("The vendor forbids this.", permission="API Enabled", system=self.system)

    monkeypatch.setattr(Careful, "describe", forbidden)
    assert main(["once"]) == 3
    assert systems(capsys)["hubspot"]["reason"] == "The vendor forbids this. Missing: API Enabled."
