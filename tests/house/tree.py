"""What the house tests look at: the files of this checkout, and Python files as trees.

What is not here: any judgement; the tests judge.
"""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("syncd/", "connectors/", "migrations/", "tools/", "tests/")


@cache
def files() -> tuple[Path, ...]:
    """Every file that git keeps or would keep, relative to the root."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(Path(name) for name in sorted(told.split("\0")) if name and (ROOT / name).is_file())


def python(*folders: str) -> tuple[Path, ...]:
    """The Python files below these folders (all of ours when none is named), relative to the root."""
    return tuple(path for path in files() if path.suffix == ".py" and str(path).startswith(folders or OURS))


@cache
def parsed(path: Path) -> ast.Module:
    """A Python file as a tree."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file, inner ones too."""
    return [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def page(name: str) -> str:
    """A page of the documentation."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading of a page, up to the next heading of its rank or above. KeyError without it."""
    rank = len(heading) - len(heading.lstrip("#"))
    lines = text.splitlines()
    if heading not in lines:
        raise KeyError(heading)
    start = lines.index(heading) + 1
    ends = (at for at in range(start, len(lines)) if 0 < len(lines[at]) - len(lines[at].lstrip("#")) <= rank)
    return "\n".join(lines[start : next(ends, len(lines))])
