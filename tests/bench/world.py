"""Lean vendors, a set-up between them, and processes whose cost is counted.

What is not here: what is measured (`goals`) and who else is measured (`peers`).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench import people

ROOT = Path(__file__).parents[2]
SECRET = "bench-secret-1234"
_TICKS = os.sysconf("SC_CLK_TCK")

_NARROW = """\
version: 1
name: contacts
left: {kind: contacts}
right: {kind: contacts, on_create: {record_type_name: Customer, status_name: Lead}}
match:
  link: [email, phone]
first_link: left
create: {right: {when: "true"}, left: {when: "true"}}
fields:
  - {left: firstname, right: first_name,    convert: name,    owner: newest}
  - {left: lastname,  right: last_name,     convert: name,    owner: newest}
  - {left: email,     right: email,         convert: email,   owner: newest}
  - {left: phone,     right: home_phone,    convert: phone,   owner: newest}
  - {left: company,   right: company,                         owner: newest}
  - {left: address,   right: address_line1, convert: address, owner: newest}
  - {left: city,      right: city,                            owner: newest}
  - {left: state,     right: state_text,    convert: {state: {right: code}}, owner: newest}
  - {left: zip,       right: zip,           convert: zip,     owner: newest}
  - right: display_name
    direction: create
    expr: "left.firstname + ' ' + left.lastname + ' ' + left.email"
"""

_CONFIG = """\
[syncd]
store = "sqlite:///syncd.db"
[web]
listen = "127.0.0.1:{web}"
public_url = "https://bench.example.com"
[log]
level = "warning"
format = "json"
[systems.hubspot]
connector = "hubspot"
token = {{env = "BENCH_SECRET"}}
webhook_secret = {{env = "BENCH_SECRET"}}
base_url = "http://127.0.0.1:{hubspot}"
timezone = "UTC"
rate = "{hubspot_rate}"
search_rate = "{search_rate}"
[systems.jobnimbus]
connector = "jobnimbus"
api_key = {{env = "BENCH_SECRET"}}
webhook_secret = {{env = "BENCH_SECRET"}}
base_url = "http://127.0.0.1:{jobnimbus}"
timezone = "UTC"
rate = "{jobnimbus_rate}"
[pairs.bench]
left = "hubspot"
right = "jobnimbus"
maps = ["contacts.yaml"]
every = "{every}"
mode = "live"
guard = {{creates = 10000000, updates = 10000000, deletes = 10000000, percent = 100, day = 1000}}
[audit]
nights = 0
[timing]
{timing}
"""

_FREE = "1000000/s"
FILE = "sqlite:///syncd.db"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process cost: its CPU and wall seconds, and its peak memory in bytes."""

    cpu: float
    wall: float
    peak: int
    output: str


@dataclass(slots=True)
class Vendors:
    """Both lean vendors and their control."""

    hubspot: int
    jobnimbus: int
    _control: int
    process: subprocess.Popen[str]

    def ask(self, verb: str, **arguments: Any) -> Any:
        """One verb of `server.Control`."""
        body = json.dumps(arguments).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._control}/{verb}", body, method="POST")
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)

    def at_rest(self) -> None:
        """Wait until a daemon has begun and its first looks are over: two seconds with no more than a cycle's requests.

        Or half a minute, should it ask more. What was counted is forgotten.
        """
        end, begun, still = time.monotonic() + 30, False, 0
        self.ask("counts")
        while still < 2 and time.monotonic() < end:
            time.sleep(1)
            asked = sum(vendor.get("requests", 0) for vendor in self.ask("counts").values())
            begun = begun or asked > 0
            still = still + 1 if begun and asked <= 2 else 0


@contextmanager
def vendors(size: int, *, wide: bool = False) -> Iterator[Vendors]:
    """A server with so many people on both sides; it ends with the block."""
    command = [sys.executable, "-m", "tests.bench.server", str(size), *(["wide"] if wide else [])]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        try:
            assert process.stdout is not None
            yield Vendors(*json.loads(process.stdout.readline()), process)
        finally:
            process.kill()


@dataclass(slots=True)
class Install:
    """One set-up in a folder of its own. `timing` and the rates stand in its config."""

    folder: Path
    vendors: Vendors
    wide: bool = False
    every: str = "30s"
    store: str = FILE
    rates: Mapping[str, str] = field(default_factory=dict)
    timing: Mapping[str, str] = field(default_factory=dict)
    web: int = 8484

    def __post_init__(self) -> None:
        """Write the config and the map."""
        self.folder.mkdir(parents=True)
        (self.folder / "mappings").mkdir()
        (self.folder / "mappings" / "contacts.yaml").write_text(self._map(), encoding="utf-8")
        self.configure()

    def configure(self) -> None:
        """Write the config anew."""
        timing = "\n".join(f'{name} = "{value}"' for name, value in self.timing.items())
        rates = {"hubspot_rate": _FREE, "search_rate": _FREE, "jobnimbus_rate": _FREE, **self.rates}
        text = _CONFIG.format(
            hubspot=self.vendors.hubspot, jobnimbus=self.vendors.jobnimbus, every=self.every,
            timing=timing, web=self.web, **rates,
        )  # fmt: skip
        (self.folder / "config.toml").write_text(text, encoding="utf-8")

    @property
    def program(self) -> Path:
        """The command that a user runs."""
        return Path(sys.executable).with_name("syncd")

    def run(self, *words: str) -> Cost:
        """One verb of syncd to its end. Raises RuntimeError with its output when that is not 0."""
        return cost([str(self.program), *words], self.folder, store=self.store)

    @contextmanager
    def daemon(self) -> Iterator[Daemon]:
        """`syncd run`, until the block ends."""
        with (self.folder / "log").open("w", encoding="utf-8") as log:
            command = [str(self.program), "run"]
            with subprocess.Popen(command, cwd=self.folder, env=_env(self.store), stdout=log, stderr=log) as process:
                try:
                    yield Daemon(process.pid)
                finally:
                    process.send_signal(signal.SIGTERM)

    def size(self) -> dict[str, int]:
        """Bytes of each table in a SQLite store, its indices with it."""
        import sqlite3

        with sqlite3.connect(self.folder / "syncd.db") as connection:
            rows = connection.execute(
                "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY 1"
            )
            return {str(name): int(size) for name, size in rows}

    def _map(self) -> str:
        if not self.wide:
            return _NARROW
        kinds = ("", "convert: number, ", "")
        extra = (
            f"  - {{left: extra_{each}, right: {{custom: {people.key(each)}, label: Extra {each}}}, "
            f"{kinds[each % 3]}owner: newest}}\n"
            for each in range(1, people.EXTRA + 1)
        )
        return _NARROW + "".join(extra)


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running syncd."""

    pid: int

    def cpu(self) -> float:
        """Its CPU seconds so far."""
        words = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / _TICKS

    def peak(self) -> int:
        """The most memory it ever held, in bytes."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def cost(command: Sequence[str], folder: Path, *, store: str = FILE) -> Cost:
    """A process to its end. Raises RuntimeError with its output when that is not 0."""
    output = folder / "output"
    with output.open("w", encoding="utf-8") as file:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=_env(store), stdout=file, stderr=subprocess.STDOUT)
        with _watched(process.pid) as peaks:
            _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    text = output.read_text(encoding="utf-8")
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{text[-3000:]}")
    return Cost(used.ru_utime + used.ru_stime, wall, peaks[0], text)


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """The most memory that a process held, looked at again and again.

    The kernel's `ru_maxrss` will not do: it begins with what the process held that it was forked from.
    """
    peaks, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            with suppress(OSError, StopIteration):  # it is gone, or about to be
                peaks[0] = max(peaks[0], Daemon(pid).peak())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peaks
    finally:
        ended.set()
        watcher.join()


def fresh(folder: Path) -> Path:
    """An empty place for a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _env(store: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SYNCD_")}
    return kept | {"BENCH_SECRET": SECRET, "PYTHONPATH": str(ROOT), "SYNCD_STORE": store}
