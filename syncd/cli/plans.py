"""A plan as people read it: each record with its fields before and after and the reason, then the sum.

What is not here: making one (`App.plan`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

import typer

from syncd.cli.render import as_json, cell
from syncd.core.plural import counted

LONGEST = 60
"""Characters of a value that are shown; the whole of it is in the JSON form."""


def show_plan(report: Mapping[str, Any], limit: int) -> None:
    """Print the first `limit` records of a plan, and its sum."""
    operations: Collection[Mapping[str, Any]] = report["operations"]
    for operation in islice(operations, limit):
        typer.echo("\n".join(lines(operation)))
    if len(operations) > limit:
        typer.echo(f"... and {len(operations) - limit} more; --limit shows them.")
    typer.echo(summary(report))


def show_plan_json(report: Mapping[str, Any]) -> None:
    """A plan as one JSON document, written record by record: it may be longer than memory is large."""
    out, between = typer.get_text_stream("stdout"), ""
    rest = {name: value for name, value in report.items() if name != "operations"}
    out.write(as_json(rest)[:-1] + ', "operations": [')
    for operation in report["operations"]:
        out.write(f"{between}\n{as_json(operation)}")
        between = ","
    out.write("\n]}\n")


def lines(operation: Mapping[str, Any]) -> list[str]:
    """One record of a plan: what becomes of it, each field, and what cannot be decided."""
    left, right = operation["left"] or "(new)", operation["right"] or "(new)"
    why = f"  ({operation['why']})" if operation["why"] else ""
    shown = [f"{operation['map']}  {operation['action']}  left {left}  right {right}{why}"]
    for write in operation["writes"]:
        change = f"{short(write['before'])} -> {short(write['after'])}"
        shown.append(f"    {write['side']} {write['field']}: {change}  ({write['reason']})")
    for conflict in operation["conflicts"]:
        both = f"left {short(conflict['left'])}, right {short(conflict['right'])}"
        shown.append(f"    ! conflict in {conflict['rule']}: {both}  ({conflict['reason']})")
    return shown + [f"    ! parked: {reason}" for reason in operation["parked"]]


def summary(report: Mapping[str, Any]) -> str:
    """The sum of a plan in one line, with the requests it takes."""
    counts = f"{report['creates']} to create, {report['updates']} to update, {report['links']} to link"
    counts += f", {report['archives']} to archive" if report["archives"] else ""
    waiting = f"{counted(report['conflicts'], 'conflict')}, {report['parked']} parked"
    calls = ", ".join(f"{system} {count:,}" for system, count in report["calls"].items())
    return f"Plan: {counts}; {waiting}. Requests to write it: {calls or 'none'}. Nothing was written."


def short(value: Any) -> str:
    """A value in a line of text."""
    text = " ".join(cell(value).split()) or "(blank)"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
