"""The outermost frame of every command: errors become lines on stderr and an exit code, never a traceback.

What is not here: the commands (`root` gathers them), and the meaning of the exit codes (see `syncd.cli`).
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from syncd.errors import AuthError, Bug, ConfigError, SyncdError

HINT = "This is a bug in syncd. Run it again as `syncd --debug ...` and report what that prints."
LATER = "Nothing is lost; try again later."
CHECK = "`syncd check` tells more."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; `argv` without the program's name, the process's own by default. Returns the exit code."""
    from syncd.cli.root import command

    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        command()(args=arguments, prog_name="syncd")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except SyncdError as error:
        return _tell(error, debug=_debug(arguments))
    except BrokenPipeError:
        # The reader of a pipe (`| head`) went away; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last frame: whatever it is, a person gets one line
        return _tell(Bug(f"{type(error).__name__}: {error}"), debug=_debug(arguments), cause=error)
    return 0


def lines(error: SyncdError) -> list[str]:
    """What a person reads of an error, one line per problem."""
    if isinstance(error, ConfigError):
        return [str(problem) for problem in error.problems]
    text = (error.told if isinstance(error, AuthError) else str(error)) or type(error).__name__
    if isinstance(error, Bug):
        return [text, HINT]
    if error.system and not text.startswith((f"{error.system}:", f"{error.system} ")):
        text = f"{error.system}: {text}"
    remedy = CHECK if isinstance(error, AuthError) else LATER if error.exit_code == 4 else ""
    if not remedy:
        return [text]
    return [f"{text if text.endswith(('.', '!', '?')) else f'{text}.'} {remedy}"]


def _tell(error: SyncdError, *, debug: bool, cause: BaseException | None = None) -> int:
    for line in lines(error):
        typer.echo(f"{_red('error')}: {line}" if line != HINT else line, err=True)
    if debug:
        typer.echo("".join(traceback.format_exception(cause or error)), err=True, nl=False)
    return error.exit_code


def _red(word: str) -> str:
    return typer.style(word, fg=typer.colors.RED) if sys.stderr.isatty() else word


def _debug(arguments: Sequence[str]) -> bool:
    return "--debug" in arguments
