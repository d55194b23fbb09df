"""The wheel that people install: complete, well-behaved, and running outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files

ALLOWED = ("syncd", "syncd_")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network from a clean copy of what git keeps."""
    copy = tmp_path_factory.mktemp("copy")
    for path in files():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, copy / path)
    out = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], cwd=copy)
    (built,) = out.glob("syncd-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment outside the checkout with the wheel in it; the dependencies are those of this environment."""
    home = tmp_path_factory.mktemp("venv")
    _run([sys.executable, "-m", "venv", "--without-pip", str(home)], cwd=home)
    inside = str(home / "bin" / "python")
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        _run([str(uv), "pip", "install", "--offline", "--no-deps", "--python", inside, str(wheel)])
    else:
        _run([sys.executable, "-m", "pip", "--python", inside, "install", "--no-index", "--no-deps", str(wheel)])
    return home


def test_the_wheel_adds_only_syncd_names(wheel: Path) -> None:
    """Nothing of ours can collide with another package: every top-level name begins with syncd."""
    tops = {name.split("/", maxsplit=1)[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.startswith(ALLOWED)} == set()
    assert {"syncd", "syncd_hubspot", "syncd_jobnimbus", "syncd_salesforce"} <= tops


def test_the_wheel_carries_its_data(wheel: Path) -> None:
    """Maps, schema upgrades, licence and typing marker travel inside the wheel; tests and docs stay at home."""
    names = zipfile.ZipFile(wheel).namelist()
    maps = [path.relative_to("mappings") for path in files() if path.parts[0] == "mappings"]
    assert maps
    assert {f"syncd/mappings/{path}" for path in maps} <= set(names)
    assert any(name.startswith("syncd/migrations/versions/") for name in names)
    assert "syncd/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]


def test_the_installed_command_runs_outside_the_checkout(installed: Path) -> None:
    """`syncd --help` and the shipped maps' own tests work from the wheel alone, in an empty folder."""
    (packages,) = installed.glob("lib/python*/site-packages")
    _lend_dependencies(packages)
    told = _run([str(installed / "bin" / "syncd"), "--help"], cwd=installed)
    assert "Usage" in told
    place = _run([str(installed / "bin" / "python"), "-c", "import syncd; print(syncd.__file__)"], cwd=installed)
    assert place.strip().startswith(str(packages))
    _run([str(installed / "bin" / "syncd"), "map", "test"], cwd=installed)


def test_the_entry_points_load_from_the_wheel(installed: Path) -> None:
    """Every connector and sandbox is found by its entry point and comes out of the wheel."""
    (packages,) = installed.glob("lib/python*/site-packages")
    _lend_dependencies(packages)
    code = (
        "from importlib.metadata import entry_points\n"
        "import sys\n"
        "for group in ('syncd.connectors', 'syncd.sandboxes'):\n"
        "    for point in entry_points(group=group):\n"
        "        print(sys.modules[point.load().__module__].__file__)\n"
    )
    places = _run([str(installed / "bin" / "python"), "-c", code], cwd=installed).split()
    assert len(places) == 6
    assert [place for place in places if not place.startswith(str(packages))] == []


def _lend_dependencies(packages: Path) -> None:
    """Let the environment see this one's packages behind its own; their .pth files (our editable one) do not run."""
    (packages / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")


def _run(command: list[str], cwd: Path | None = None) -> str:
    """Run a command away from the checkout's own settings; its output."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SYNCD", "COV_"))}
    told = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout
