"""A key is revoked, and another one given, while syncd runs. Not here: what is no key (`tests/service/test_keys`)."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from syncd.lab.process import running, until
from syncd.lab.stage import RIGHT_KEY, Stage
from tests.e2e.test_daemon import small, sync

NEW = "a-new-key-7c1f"


def test_a_new_key_ends_the_pause(tmp_path: Path) -> None:
    """One command tries and keeps it, a reload takes it; none of the keys stands in any log."""
    with small(tmp_path) as stage, running(stage) as (process,):
        (tmp_path / "key").write_text(f"{RIGHT_KEY}\n", encoding="utf-8")
        (tmp_path / "key").chmod(0o600)
        text = stage.config.read_text(encoding="utf-8")
        stage.config.write_text(re.sub(r"(api_key\s*=\s*)\{.*?\}", r'\1{file = "key"}', text), encoding="utf-8")
        sync(stage, process)
        stage.right.act("revoke")
        process.wait_for('"event":"paused"', within=60)
        refused = given(stage, "a-wrong-key-51ab")
        assert refused.returncode == 2 and "jobnimbus: API key" in refused.stderr
        stage.right.act("key", key=NEW)
        taken = given(stage, NEW)
        assert (taken.returncode, taken.stdout.startswith("jobnimbus takes the new key.")) == (0, True), taken.stderr
        before = len(process.said())
        process.signal(signal.SIGHUP)
        process.wait_for('"event":"reloaded"', within=60, since=before)
        until(lambda: "paused" not in status(stage), within=60, what="the system to be well")
        assert process.stop() == 0
        for told in (process.said(), refused.stderr, taken.stdout, taken.stderr):
            assert not any(key in told for key in (NEW, RIGHT_KEY, "a-wrong-key-51ab"))


def given(stage: Stage, key: str) -> subprocess.CompletedProcess[str]:
    """The command, which reads the key from its standard input."""
    return _command(stage, "key", "jobnimbus", typed=f"{key}\n")


def status(stage: Stage) -> str:
    """What `syncd status` says."""
    return _command(stage, "status").stdout


def _command(stage: Stage, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "syncd", "--config", str(stage.config), *arguments]
    return subprocess.run(
        command, env=stage.process_environ(), input=typed, capture_output=True, text=True, timeout=120, check=False
    )
