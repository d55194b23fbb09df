"""Write docs/reference/cli.md from the command line itself, so that the page cannot tell another story.

`tests/house/test_reference.py` holds the page to it. What is not here: prose; what a verb is for stands in its own
docstring.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.main import get_command

from syncd.cli.root import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
HEAD = """\
# Commands

`syncd VERB`; the set-up is found by `--config FILE`, else `SYNCD_CONFIG`, else `./config.toml`. Lists can be had as
`--format json`. Errors are one line each on stderr; exit codes stand with the [errors](errors.md#exit-codes).

This page is written by `make reference` from the commands' own help.
"""


def verbs() -> dict[str, Any]:
    """Every command by its full name (`conflicts take`), in the order of the help."""
    return dict(_below("", get_command(app)))


def text() -> str:
    """The whole page."""
    return "\n".join([HEAD, _options("syncd", get_command(app)), *(_section(*verb) for verb in verbs().items())])


def _below(name: str, command: Any) -> list[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        return [(name, command)]
    return [found for verb, inner in command.commands.items() for found in _below(f"{name} {verb}".strip(), inner)]


def _section(name: str, command: Any) -> str:
    usage = " ".join(["syncd", name, *(_metavar(one) for one in command.params if one.param_type_name == "argument")])
    says = " ".join((command.help or "").split())
    return f"## {name}\n\n`{usage}`\n\n{says}\n\n{_options(name, command)}"


def _options(name: str, command: Any) -> str:
    """A table of what a command takes; nothing if it takes nothing."""
    rows = [f"| `{_names(one)}` | {_default(one)} | {one.help or ''} |" for one in command.params if one.name != "help"]
    if not rows:
        return ""
    first = "before the verb" if name == "syncd" else "takes"
    return "\n".join([f"| {first} | default | meaning |", "|---|---|---|", *rows, ""])


def _names(one: Any) -> str:
    if one.param_type_name == "argument":
        return _metavar(one)
    return ", ".join([*one.opts, *one.secondary_opts])


def _metavar(one: Any) -> str:
    word = one.metavar or one.name.upper()
    return str(word if one.required or word.startswith("[") else f"[{word}]").replace("|", " or ")


def _default(one: Any) -> str:
    if one.required or one.default is None or one.default is False:
        return ""
    return f"`{getattr(one.default, 'value', one.default)}`"


def main() -> None:
    """Write the page."""
    PAGE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
