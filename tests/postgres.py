"""A real PostgreSQL for the tests: one server per test session, one database per test, gone at the end.

The first test that needs it starts it, in whichever process it runs; the process that began the session stops it, by
the pid in the server's own folder. Where none can be started, tests fail with a sentence: they are never skipped.
What is not here: a server of this machine; none is touched.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from syncd.store import schema
from syncd.store.store import Store
from tests.ports import free_port

VARIABLE = "SYNCD_TEST_POSTGRES"
USER, PASSWORD, TEMPLATE = "syncd", "tests-only-7f3a", "template_syncd"
SETTINGS: Mapping[str, object] = {
    "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 200, "shared_buffers": "64MB",
    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "wal_level": "minimal",
    "max_wal_senders": 0, "logging_collector": "off", "timezone": "UTC",
}  # fmt: skip


def prepare() -> bool:
    """At the beginning of a session: name a folder that all its processes know; false if it has one already."""
    if VARIABLE in os.environ:
        return False
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix="syncd-postgres-")
    return True


def finish() -> None:
    """At the end, in the process that began the session: stop the server, if one was started."""
    folder = Path(os.environ.pop(VARIABLE))
    pid = folder / "data" / "postmaster.pid"
    if pid.exists():
        number = int(pid.read_text(encoding="utf-8").split("\n", 1)[0])
        os.kill(number, signal.SIGQUIT)
        for _ in range(200):
            if not _alive(number):
                break
            time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _alive(number: int) -> bool:
    """Whether a process runs; one that has ended and waits to be asked for counts as ended."""
    try:
        state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def blank() -> str:
    """The address of a new database without any table."""
    return _new("template0")


def fresh() -> str:
    """The address of a new database of this code's version."""
    return _new(TEMPLATE)


def _new(template: str) -> str:
    name = f"t{uuid.uuid4().hex[:16]}"
    port = _port()
    with _admin(port) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return _url(port, name)


def _url(port: str, name: str) -> str:
    return f"postgresql+psycopg://{USER}:{PASSWORD}@127.0.0.1:{port}/{name}"


@contextmanager
def _admin(port: str) -> Iterator[Any]:
    with psycopg.connect(
        host="127.0.0.1", port=port, user=USER, password=PASSWORD, dbname="postgres", autocommit=True
    ) as connection:
        yield connection


def _port() -> str:
    """The server's port; it is started if it does not run yet."""
    folder = Path(os.environ[VARIABLE])
    told = folder / "port"
    if not told.exists():
        with (folder / "lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not told.exists():
                port = _start(folder)
                told.with_suffix(".new").write_text(port, encoding="utf-8")
                told.with_suffix(".new").rename(told)
    return told.read_text(encoding="utf-8")


def _start(folder: Path) -> str:
    """Make a cluster and start its server. As root it belongs to another user: PostgreSQL refuses root."""
    programs, data = _programs(), folder / "data"
    as_user = _unprivileged(folder)
    shutil.rmtree(data, ignore_errors=True)
    secret = folder / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    secret.chmod(0o644)
    _run(
        [str(programs / "initdb"), "-D", str(data), "-U", USER, "--pwfile", str(secret), "--auth=scram-sha-256",
         "--encoding=UTF8", "--locale=C", *_order(programs), "--no-sync"],
        as_user,
    )  # fmt: skip
    port = str(free_port())
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.writelines(f"{name} = '{value}'\n" for name, value in {**SETTINGS, "port": port}.items())
    try:
        _run([str(programs / "pg_ctl"), "-D", str(data), "-l", str(folder / "log"), "-w", "-t", "60", "start"], as_user)
    except AssertionError as error:
        raise AssertionError(f"{error}{(folder / 'log').read_text(encoding='utf-8')}") from None
    with _admin(port) as connection:
        connection.execute(f'CREATE DATABASE "{TEMPLATE}" TEMPLATE template0')
    with closing(Store(_url(port, TEMPLATE))) as store:
        schema.upgrade(store)
    return port


def _programs() -> Path:
    """Where initdb is: on the path, or where Debian keeps it; the newest of several."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not folders:
        raise AssertionError(
            "No PostgreSQL can be started: its programs are not here. Run tools/postgres, or install the package "
            "postgresql (Debian, Ubuntu: apt-get install postgresql)."
        )
    return max(folders, key=lambda path: float(path.parent.name))


def _order(programs: Path) -> list[str]:
    """A server that orders texts as people do, not as Python does, where it can (from version 15 on)."""
    said = subprocess.run([programs / "initdb", "--version"], capture_output=True, text=True, check=True).stdout
    newer = int(said.split()[2].split(".")[0]) >= 15
    return ["--locale-provider=icu", "--icu-locale=en-US"] if newer else []


def _unprivileged(folder: Path) -> dict[str, Any]:
    """How to run as somebody who is not root; the folder becomes theirs."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    somebody = names.get("postgres") or names["nobody"]
    os.chown(folder, somebody.pw_uid, somebody.pw_gid)
    return {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}


def _run(command: list[str], as_user: Mapping[str, Any]) -> None:
    # The server outlives pg_ctl: a pipe it inherited would never end, so what is said goes to a file.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", timeout=120, check=False, **as_user
        )
        said.seek(0)
        if ended.returncode:
            raise AssertionError(f"No PostgreSQL can be started: {Path(command[0]).name} said: {said.read()}")
