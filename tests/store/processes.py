"""Processes of their own that work on one store at the same moment. What is not here: what they do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def child(code: str, *given: str) -> subprocess.Popen[str]:
    """A process of its own that works on the store."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", code, *given], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def answers(children: list[subprocess.Popen[str]]) -> list[list[str]]:
    """Let them go at once, when all have said `ready`; what each said then. Fails with what one complained of."""
    for process in children:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in children:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=90) for process in children]
    ends = [(complaint, process.returncode) for (_, complaint), process in zip(told, children, strict=True)]
    assert ends == [("", 0)] * len(children)
    return [text.split("\n")[:-1] for text, _ in told]
