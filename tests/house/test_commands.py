"""Every `syncd ...` command that a page tells people to type is one that the command line takes. None of them is run.

What is not here: that the page of all verbs is complete (`test_reference`), and what a command then does.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.root import command
from tests.house.tree import ROOT, files

WRITTEN = Path("docs/reference/cli.md")
"""Made from the commands themselves, in a notation of its own."""

PAGES = [
    path for path in files() if path.suffix == ".md" and path.parts[0] in ("docs", "README.md") and path != WRITTEN
]
SPAN = re.compile(r"(?<!`)`(syncd [^`\n]+)`(?!`)")
VARIABLE = re.compile(r"\w+=")
NO_VERBS = ("VERB", "...")
"""What stands for any verb."""

ONLY_NAMED = ("NoArgsIsHelpError", "MissingParameter", "BadOptionUsage")
"""In a sentence a verb may be named without what it needs."""


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_every_command_of_a_page_is_taken(path: Path) -> None:
    """Verbs and options exist, arguments are as many and of the kind that is asked for."""
    text = (ROOT / path).read_text(encoding="utf-8")
    refused = [f"{line}: {why}" for line in _typed(text) if (why := _refused(line))]
    named = [line for span in SPAN.findall(text) for line in _commands(span)]
    refused += [f"{line}: {why}" for line in named if (why := _refused(line, ONLY_NAMED))]
    assert refused == []


def test_a_wrong_command_would_be_found() -> None:
    """In a block and in a sentence; behind sudo, and before a pipe and a comment."""
    text = "```sh\nx && sudo -u syncd /opt/bin/syncd verify --sliced | head  # all\nsyncd undo\n```\n"
    assert [_refused(line) for line in _typed(text)] == [
        "NoSuchOption: No such option: --sliced (Possible options: --slice)",
        "MissingParameter: Missing argument 'RUN'.",
    ]
    assert _refused("syncd undo", ONLY_NAMED) == "" == _refused("syncd held", ONLY_NAMED)
    assert _refused("syncd hold approve", ONLY_NAMED).startswith("UsageError: No such command 'hold'")


def _typed(text: str) -> Iterator[str]:
    """The commands in the blocks of shell."""
    shell = False
    for line in text.replace("\\\n", " ").splitlines():
        if line.lstrip().startswith("```"):
            shell = line.strip() == "```sh"
        elif shell:
            yield from _commands(line)


def _commands(line: str) -> Iterator[str]:
    """The simple commands of a line of shell that start syncd, without what goes to files and comes from them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    file = False
    for word in lexer:
        if set(word) <= set("();|&"):
            found.append([])
        elif not file and not set(word) <= set("<>"):
            found[-1].append(word)
        file = set(word) <= set("<>")
    for words in found:
        while words and (words[0] == "sudo" or VARIABLE.match(words[0])):
            del words[: 3 if words[0] == "sudo" else 1]
        if words and words[0].rpartition("/")[2] == "syncd":
            yield shlex.join(words)


def _refused(line: str, allowed: tuple[str, ...] = ()) -> str:
    """Why the command line does not take it; empty if it does."""
    words = shlex.split(line.replace("[", "").replace("]", ""))[1:]
    if not words or words[0] in NO_VERBS:
        return ""
    try:
        _parse(command(), words)
    except Exception as error:
        name, told = type(error).__name__, error.format_message() if hasattr(error, "format_message") else error
        return "" if name in allowed else f"{name}: {told}"
    return ""


def _parse(verb: Any, words: list[str], parent: Any = None) -> None:
    """Parse it down to the verb that would be run."""
    context = verb.make_context(verb.name or "syncd", list(words), parent=parent)
    if hasattr(verb, "commands"):
        _, inner, rest = verb.resolve_command(context, [*context._protected_args, *context.args])
        _parse(inner, rest, context)
