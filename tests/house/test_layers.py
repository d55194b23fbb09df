"""The floors of the house stand: import-linter's contracts hold. The contracts themselves are in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.house.tree import ROOT, files


def test_every_import_contract_is_kept() -> None:
    """No module imports from a floor above it, from a sibling, or what its room must not know."""
    tool = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_every_connector_package_is_under_contract() -> None:
    """A connector that is added to connectors/ is named in the contracts, the wheel and the entry points."""
    there = {path.parts[1] for path in files() if path.parts[0] == "connectors" and len(path.parts) > 2}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert there == set(project["tool"]["importlinter"]["root_packages"]) - {"syncd"}
    assert {f"connectors/{name}" for name in there} == set(
        project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    ) - {"syncd"}
    for group in ("connectors", "sandboxes"):
        points = project["project"]["entry-points"][f"syncd.{group}"]
        assert there == {target.split(":", maxsplit=1)[0].split(".", maxsplit=1)[0] for target in points.values()}
