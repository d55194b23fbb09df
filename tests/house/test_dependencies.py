"""What is imported is declared, what is declared is locked, and what is locked has hashes and no address."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.house.tree import ROOT, parsed, python

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
PRODUCT = [*PROJECT["project"]["dependencies"], *(one for extra in EXTRAS.values() for one in extra)]
OURS = {"syncd", "syncd_hubspot", "syncd_jobnimbus", "syncd_salesforce", "tests"}
TOOLS = {path.stem for path in python("tools/")}
MAKERS = packages_distributions()
# SQLAlchemy loads the driver that the store's address names; the others are loaded only where they are asked for.
LOADED_BY_NAME = {"psycopg", "apprise", "pyarrow"}
# The contract suite runs in a test session, which has pytest by definition.
BROUGHT_BY_ITS_USER = {"syncd/kit/contract": {"pytest"}}


def _name(requirement: str) -> str:
    """The normal form of a requirement's package name."""
    return re.split(r"[\s\[<>=;~!]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def _imported(path: Path) -> set[str]:
    """The top-level names of other packages that a file imports."""
    names = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - OURS - TOOLS


def test_every_import_is_declared() -> None:
    """No file of the product leans on a package that is there only by somebody else's need."""
    declared = {_name(requirement) for requirement in PRODUCT}
    assert _undeclared(python("syncd/", "connectors/", "migrations/"), declared) == []


def test_every_import_of_tests_and_tools_is_declared() -> None:
    """What tests and tools use is in the development group, or the product needs it anyway."""
    wanted = [*PRODUCT, *PROJECT["dependency-groups"]["dev"]]
    peers = python("tests/bench/peers/")
    ours = [path for path in python("tests/", "tools/") if path not in peers]
    assert _undeclared(ours, {_name(requirement) for requirement in wanted}) == []


def test_every_import_of_a_peer_of_the_bench_is_declared() -> None:
    """What a peer's script uses is in its group, for it runs in an environment of its own."""
    wanted = {_name(requirement) for requirement in PROJECT["dependency-groups"]["bench"]}
    names = {name.replace("_", "-") for path in python("tests/bench/peers/") for name in _imported(path)}
    assert {{"hubspot": "hubspot-api-client"}.get(name, name) for name in names} == wanted


def test_every_declared_package_is_imported() -> None:
    """Nothing is installed on somebody's machine that the product does not use."""
    used = {
        _name(maker)
        for path in python("syncd/", "connectors/", "migrations/")
        for name in _imported(path)
        for maker in MAKERS.get(name, ())
    }
    declared = {_name(requirement) for requirement in PRODUCT}
    assert declared - used == LOADED_BY_NAME


def test_every_declared_package_is_locked() -> None:
    """run.txt holds all that pyproject.toml asks for, postgres.txt the extra too, dev.txt the development group too."""
    run = _locked("run.txt")
    more = _locked("postgres.txt")
    dev = _locked("dev.txt")
    assert {_name(requirement) for requirement in PROJECT["project"]["dependencies"]} <= run, "run `make lock`"
    assert {_name(requirement) for requirement in EXTRAS["postgres"]} | run <= more, "run `make lock`"
    assert {_name(requirement) for requirement in PROJECT["dependency-groups"]["dev"]} | more <= dev, "run `make lock`"


def test_every_lock_has_hashes_and_no_address() -> None:
    """Whatever registry answers, only the files that were locked are installed."""
    for name in ("run.txt", "postgres.txt", "dev.txt", "bench.txt", "uv.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        entries = re.split(r"\n(?=\S)", text.strip())
        assert entries
        assert [entry for entry in entries if not entry.startswith("#") and "--hash=sha256:" not in entry] == []
        assert "://" not in text


def _undeclared(paths: Iterable[Path], declared: set[str]) -> list[str]:
    """Imports that no declared package provides."""
    missing = []
    for path in paths:
        brought = [names for start, names in BROUGHT_BY_ITS_USER.items() if str(path).startswith(start)]
        for name in _imported(path).difference(*brought):
            if not {_name(maker) for maker in MAKERS.get(name, ())} & declared:
                missing.append(f"{path} imports {name}")
    return missing


def _locked(name: str) -> set[str]:
    """The packages of a lock file."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return {_name(line) for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))}
