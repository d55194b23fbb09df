"""The newcomer's drill: from a bare Debian to syncd as a hardened service, by the commands of one page alone.

A Debian of this machine's release is made in a temporary folder. Somebody sits at a terminal of it, as root, and types
what the steps of the page on services say, in their order; no command is copied to here. The packages of Debian and of
Python come from where this machine takes them: this test alone reaches beyond 127.0.0.1.

What is not here: systemd at work. It does not run in a changed root, so its own tools judge the unit, and what the unit
starts is started by hand: as its user, in its folder, with its credentials, but without its walls.
"""

from __future__ import annotations

import ast
import os
import platform
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from syncd.kit import registry
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer
from syncd.lab.process import until
from tests.house import test_wheel
from tests.house.tree import ROOT, page
from tests.service.test_unit import EXPOSED

PAGE = "how-to/service.md"
STEPS = [1, 2, 3, 4, 5, 6]
GOES_LIVE = 5
"""The step whose order is a sentence: set the pair `live` in config.toml."""

INSTEAD: Mapping[str, str] = {
    "systemctl daemon-reload": "true",
    "systemctl enable --now syncd": "SYSTEMD_OFFLINE=1 systemctl enable syncd",
    "journalctl -u syncd -f": "true",
}
"""What is typed instead of a command that needs a running systemd: nobody holds units in memory, nobody starts one
(`--now`; the test does), and nobody keeps a journal. To enable a unit is to make a link, and that is done."""

INIT, BESIDES = "syncd init ", " --left-url {} --right-url {}"
"""The one command that is told more than the page says: its vendors are sandboxes, and it tries the keys at once."""

TOKEN, KEY = "sandbox-token", "sandboxkey0000001"
ANSWERS: Mapping[str, str] = {
    "Left connector": "",
    "Right connector": "",
    "Time zone of jobnimbus": "America/Denver",
    "Name of the pair": "",
    "hubspot token": TOKEN,
    "jobnimbus api key": KEY,
}
"""What `init` asks, in its order, and what is typed; nothing: what is proposed is right."""

UNIT = "/etc/systemd/system/syncd.service"
CONFIG = "/etc/syncd/config.toml"
RELEASE = "/srv/release"
HANDED = "/run/credentials/syncd.service"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

ENTER = (
    'for it in dev sys; do mount --rbind "/$it" "$0/$it"; done; mount -t proc proc "$0/proc"; '
    'IFS=:; for it in $LENT; do mount --bind -o ro "$it" "$0/lent$it"; done; exec chroot "$0" "$@"'
)
"""What is mounted for a command in there is seen by nobody else, and gone with it."""

SOURCES = (
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert", "client-cert", "proxy"),
    *("timeout", "default-timeout", "retries"),
)
"""The settings of pip that say where packages come from. No other one is handed on: a bare machine has none."""

PROMPT = re.compile(r"<exit (\d+)> $")
LINE_WITHIN, SYNC_WITHIN = 900.0, 300.0
"""Seconds: packages come over a network; and what a lead may take at the pace of real accounts."""
TAIL = 3000

wheel = test_wheel.wheel
"""The wheel as the house tests build it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A bare Debian in a folder. `environ`: what somebody's shell there begins with."""

    root: Path
    environ: Mapping[str, str]

    def entering(self, *command: str, alone: bool = False) -> list[str]:
        """The command that runs another one in there; `alone`: whatever it leaves behind ends with it."""
        own = ["--pid", "--fork", "--kill-child"] if alone else []
        return ["unshare", "--mount", *own, "sh", "-ec", ENTER, str(self.root), *command]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in there, as root."""
        told = self.entering(*command)
        return subprocess.run(told, env=self.environ, capture_output=True, text=True, timeout=120, check=False)

    def file(self, name: str) -> Path:
        """A file of that machine, by its absolute name there."""
        return self.root / name.lstrip("/")


@dataclass(slots=True)
class Terminal:
    """Somebody at a shell of that machine: types a line, answers what is asked, reads what is said."""

    machine: Machine
    asked: list[str] = field(default_factory=list)
    _ours: int = field(init=False)
    _shell: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        """Sit down: returns when the shell waits for a line."""
        self._ours, theirs = pty.openpty()
        shell = ["setsid", "--ctty", "bash", "--norc", "--noprofile", "--noediting", "-i"]
        told = self.machine.entering("env", f"--chdir={RELEASE}", *shell, alone=True)
        environ = {**self.machine.environ, "PS1": "<exit $?> "}
        self._shell = subprocess.Popen(told, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self._until_prompt("the shell")

    def close(self) -> None:
        """Leave; everything that was started from here ends."""
        self._shell.kill()
        self._shell.wait()
        os.close(self._ours)

    def type(self, line: str) -> str:
        """Type a line, and wait until it is done; what it said. AssertionError if it does not end with 0."""
        self._enter(line)
        code, said = self._until_prompt(line)
        assert code == 0, f"`{line}` ended with {code}; its last words: {said[-TAIL:]}"
        return said

    def _until_prompt(self, line: str) -> tuple[int, str]:
        said, since, end = "", 0, time.monotonic() + LINE_WITHIN
        while not (prompt := PROMPT.search(said[-TAIL:])):
            ready, _, _ = select.select([self._ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"`{line}` does not end; its last words: {said[-TAIL:]}"
            try:
                said += os.read(self._ours, 65536).decode(errors="replace")
            except OSError:  # how a terminal tells that nobody is at its other end
                raise AssertionError(f"`{line}` ended the shell; its last words: {said[-TAIL:]}") from None
            if self._answered(said[since:].rpartition("\n")[2]):
                since = len(said)
        return int(prompt[1]), said

    def _answered(self, last: str) -> bool:
        """Whether the last line was a question that we know; it is answered then."""
        if not last.endswith(": "):  # a key's prompt ends so when its echo is off, and not before
            return False
        question = next((one for one in ANSWERS if last.startswith(one)), None)
        if question is None:
            return False
        self.asked.append(question)
        self._enter(ANSWERS[question])
        return True

    def _enter(self, text: str) -> None:
        os.write(self._ours, f"{text}\n".encode())


@pytest.fixture
def machine(wheel: Path, tmp_path: Path) -> Iterator[Machine]:
    """A bare Debian that knows where packages come from, and has the release of syncd in a folder; gone at the end."""
    if os.geteuid() != 0:
        pytest.fail("The newcomer's drill makes a bare Debian, and only root may: run it as root.")
    if shutil.which("debootstrap") is None:
        pytest.fail("The newcomer's drill needs debootstrap: run tools/newcomer.")
    root = tmp_path / "debian"
    name, mirror = _debian()
    try:
        _made("unshare", "--mount", "debootstrap", "--variant=minbase", "--include=systemd", name, str(root), mirror)
        made = Machine(root, {"PATH": PATH, "HOME": "/root", "TERM": "dumb", **_sources(root)})
        shutil.copytree(ROOT / "requirements", made.file(RELEASE) / "requirements")
        shutil.copy2(wheel, made.file(RELEASE))
        yield made
    finally:
        _made("rm", "--recursive", "--force", "--one-file-system", str(root))


@pytest.fixture
def vendors() -> Iterator[tuple[Remote, Remote]]:
    """Both sandboxes, outside of that machine; what is made is listed at once, everything else as in life."""
    left = registry.sandbox("hubspot")(settings={"index_lag": {"kind": "none"}})
    right = registry.sandbox("jobnimbus")(settings={"index_lag": 0.0})
    with (
        SandboxServer(left) as hubspot,
        SandboxServer(right) as jobnimbus,
        closing(Remote(hubspot.url)) as one,
        closing(Remote(jobnimbus.url)) as other,
    ):
        yield one, other


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_newcomer_comes_from_a_bare_machine_to_a_service_that_syncs(
    machine: Machine, vendors: tuple[Remote, Remote], tmp_path: Path
) -> None:
    """Each command of the page works; then the unit is sound and hardened, and what it starts syncs both ways."""
    with closing(Terminal(machine)) as terminal:
        _follow(terminal, vendors)
        assert terminal.asked == list(ANSWERS)
        assert machine.file("/etc/systemd/system/multi-user.target.wants/syncd.service").is_symlink()
        verified = machine.run("systemd-analyze", "verify", UNIT)
        assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
        judged = machine.run("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT).stdout
        level = re.search(r"Overall exposure level for syncd\.service: ([\d.]+)", judged)
        assert level is not None and float(level[1]) <= EXPOSED, judged
        with _served(machine, tmp_path / "daemon.log"):
            _synced(*vendors)
            assert re.search(r"sales/contacts +1\b", terminal.type("syncd status"))


def test_the_steps_of_the_page_are_those_that_the_drill_knows() -> None:
    """Nothing is left out but what is named here, and step 5 is still the one that says `live`."""
    text = page(PAGE)
    found = _steps(text)
    assert list(found) == STEPS
    typed = [command for commands in found.values() for command in commands]
    assert [command for command in INSTEAD if typed.count(command) != 1] == []
    assert len([command for command in typed if command.startswith(INIT)]) == 1
    assert found[GOES_LIVE] == [] and f"\n{GOES_LIVE}. Set the pair `live` in `config.toml`" in text


def _steps(text: str) -> dict[int, list[str]]:
    """The commands of each numbered step of a page, as somebody would type them."""
    found: dict[int, list[str]] = {}
    step, shell = 0, False
    for line in text.partition("\n## ")[0].replace("\\\n", " ").splitlines():
        if number := re.match(r"(\d+)\. ", line):
            step, shell = int(number[1]), False
            found[step] = []
        elif line.lstrip().startswith("```"):
            shell = line.strip() == "```sh"
        elif shell and line.strip():
            found[step].append(line.strip())
    return found


def _follow(terminal: Terminal, vendors: tuple[Remote, Remote]) -> None:
    """Do what the page says, step by step."""
    for step, commands in _steps(page(PAGE)).items():
        for command in commands:
            more = BESIDES.format(*(vendor.url for vendor in vendors)) if command.startswith(INIT) else ""
            terminal.type(INSTEAD.get(command, command) + more)
        if step == GOES_LIVE:
            _go_live(terminal.machine.file(CONFIG))


def _go_live(config: Path) -> None:
    """What an operator's editor does. The port is a free one: that machine shares the network of this one."""
    text = config.read_text(encoding="utf-8")
    assert text.count('mode = "plan"') == 1
    live = text.replace('mode = "plan"', 'mode = "live"')
    config.write_text(f'{live}\n[web]\nlisten = "127.0.0.1:0"\n', encoding="utf-8")


@contextmanager
def _served(machine: Machine, log: Path) -> Iterator[None]:
    """What the unit starts, as systemd would start it; told to end, it ends with 0."""
    unit = _settings(machine.file(UNIT))
    (user,), (program,), (folder,) = unit["User"], unit["ExecStart"], unit["WorkingDirectory"]
    _in_there(machine, "install", "-d", "-o", user, "-m", "0500", HANDED)
    assert len(unit["LoadCredential"]) == 2
    for name, _, source in (one.partition(":") for one in unit["LoadCredential"]):
        _in_there(machine, "install", "-o", user, "-m", "0400", source, f"{HANDED}/{name}")
    nobody_else = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"]
    environ = ["env", "-i", f"--chdir={folder}", *unit["Environment"], f"CREDENTIALS_DIRECTORY={HANDED}"]
    command = machine.entering(*nobody_else, "--bounding-set=-all", *environ, *program.split())
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=machine.environ, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        yield
        process.terminate()
        assert process.wait(timeout=120) == 0, log.read_text(encoding="utf-8")[-TAIL:]
    finally:
        process.kill()
        process.wait()


def _synced(left: Remote, right: Remote) -> None:
    """A lead of the left side comes to the right one; its city, mended over there, comes back."""
    lead = {"firstname": "Ines", "lastname": "Newcomer", "email": "ines@newcomer.example", "lifecyclestage": "lead"}
    one = left.act("create", "contacts", fields={**lead, "city": "Peoria"}, as_="Dana")["id"]

    def twins() -> list[str]:
        return [str(row["jnid"]) for row in right.records("contacts") if row.get("email") == lead["email"]]

    until(lambda: bool(twins()), within=SYNC_WITHIN, what="the lead to be on the right side", every=1.0)
    (other,) = twins()
    time.sleep(1.1)  # the right side tells whole seconds: an edit in a later one than our own write
    right.act("update", "contacts", id=other, fields={"city": "Springfield"}, as_="sam.okafor@example.com")

    def mended() -> bool:
        rows = [row for row in left.records("contacts") if row["id"] == one]
        return [row["properties"].get("city") for row in rows] == ["Springfield"]

    until(mended, within=SYNC_WITHIN, what="the city to be on the left side", every=1.0)
    assert twins() == [other]


def _settings(unit: Path) -> Mapping[str, list[str]]:
    """What each setting of a unit says, in the order of its lines."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in unit.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return found


def _debian() -> tuple[str, str]:
    """The name of this machine's release, and where its packages come from."""
    name = platform.freedesktop_os_release()["VERSION_CODENAME"]
    asked = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    found = [line.split(" ", 2) for line in _made(*asked).splitlines()]
    mirrors = [mirror for release, component, mirror in found if (release, component) == (name, "main")]
    assert mirrors, f"The newcomer's drill needs the packages of {name}, and this machine's apt does not know them."
    return name, mirrors[0]


def _sources(root: Path) -> dict[str, str]:
    """Let it take packages from where this machine does: apt by files, pip by the variables that are returned.

    `LENT` among them names what of this machine is shown in there, to be read.
    """
    shutil.rmtree(root / "etc/apt")
    for folder in ("etc/apt", "usr/share/keyrings"):
        shutil.copytree(Path("/", folder), root / folder, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    for name in ("etc/hosts", "etc/resolv.conf"):
        (root / name).unlink(missing_ok=True)  # what may be a link there leads out of it
        shutil.copyfile(Path("/", name), root / name)
    told = [line.partition("=") for line in _made(sys.executable, "-m", "pip", "config", "list").splitlines()]
    found: dict[str, list[str]] = {}
    for section in ("global", "install", ":env:"):  # what is said later stands over what was said before
        for name, _, value in told:
            option = name.removeprefix(f"{section}.")
            if option in SOURCES:
                found[f"PIP_{option.upper().replace('-', '_')}"] = str(ast.literal_eval(value)).split()
    lent = {one for words in found.values() for word in words if (one := _named(word))}
    for one in lent:
        _place(one, root / "lent" / one.relative_to("/"))
    shown = {name: " ".join(_in_lent(word) for word in words) for name, words in found.items()}
    return {**shown, "LENT": ":".join(sorted(map(str, lent)))}


def _named(word: str) -> Path | None:
    """The file or folder of this machine that pip needs for this word; an index's files lie beside its pages."""
    source = Path(word.removeprefix("file://"))
    if not (source.is_absolute() and source.exists()):
        return None
    return source.parent if word.startswith("file://") else source


def _in_lent(word: str) -> str:
    """The same word in there: what it names is shown where no package puts its own."""
    scheme = "file://" if word.startswith("file://") else ""
    return f"{scheme}/lent{word.removeprefix(scheme)}" if _named(word) else word


def _place(shown: Path, place: Path) -> None:
    """Make the place where a file or folder will be shown."""
    if shown.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def _in_there(machine: Machine, *command: str) -> None:
    ended = machine.run(*command)
    assert ended.returncode == 0, ended.stderr


def _made(*command: str) -> str:
    """Run a command of this machine; what it said."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, f"No bare Debian can be made here: {command[0]} said: {said[-TAIL:]}"
    return ended.stdout
