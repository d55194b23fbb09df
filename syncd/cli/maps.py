"""The verbs for admins who write maps: `map check`, `map test`, `map schema`. They need no key and no network.

What is not here: checking against the real accounts; `syncd check` does that.
"""

from __future__ import annotations

import typer

from syncd.cli.render import show_json

maps = typer.Typer(help="Check and test maps, offline.", no_args_is_help=True)


@maps.command("schema")
def schema() -> None:
    """Print the JSON Schema of a map, for editors."""
    from syncd.fieldmaps.schema import json_schema

    show_json(json_schema())
