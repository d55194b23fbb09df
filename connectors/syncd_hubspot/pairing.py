"""Which row or error of a batch's answer belongs to which of its inputs. Pure.

HubSpot promises no order, may leave an input out of both results and errors, and names inputs by trace id, by record
id, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from syncd_hubspot.client import Row
from syncd_hubspot.troubles import Trouble


@dataclass(frozen=True, slots=True)
class Paired:
    """Rows and troubles by trace id; an input in neither was not mentioned. `nameless`: errors that name no input."""

    rows: dict[str, Row] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    nameless: list[Trouble] = field(default_factory=list)


def pair(inputs: Sequence[Row], rows: Sequence[Row], troubles: Sequence[Trouble]) -> Paired:
    """Pair by trace id, then by record id, then by the properties sent where only one input fits."""
    paired = Paired()
    by_trace = {str(one["objectWriteTraceId"]): one for one in inputs}
    by_id = {str(one["id"]): trace for trace, one in by_trace.items() if "id" in one}
    for trouble in troubles:
        named = [trace for trace in trouble.traces if trace in by_trace]
        named = named or [by_id[one] for one in trouble.ids if one in by_id]
        paired.troubles.update(dict.fromkeys(named, trouble))
        if not named:
            paired.nameless.append(trouble)
    unknown: list[Row] = []
    for row in rows:
        trace = _trace(row, by_trace) or by_id.get(str(row["id"]))
        if trace is None:
            unknown.append(row)
        else:
            paired.rows[trace] = row
    if not by_id:
        _by_properties(paired, by_trace, unknown)
    return paired


def _trace(row: Row, by_trace: Mapping[str, Row]) -> str | None:
    trace = str(row.get("objectWriteTraceId") or "")
    return trace if trace in by_trace else None


def _by_properties(paired: Paired, by_trace: Mapping[str, Row], unknown: Sequence[Row]) -> None:
    """Created rows without a trace: the row that fits one open input only, and is the only one to fit it."""
    open_ = [trace for trace in by_trace if trace not in paired.rows and trace not in paired.troubles]
    fits = {trace: [row for row in unknown if _fits(by_trace[trace], row)] for trace in open_}
    for trace, candidates in fits.items():
        rivals = [other for other in open_ if other != trace and any(row in fits[other] for row in candidates)]
        if len(candidates) == 1 and not rivals:
            paired.rows[trace] = candidates[0]


def _fits(one: Row, row: Row) -> bool:
    """Whether every property that was sent and is answered has the value that was sent, case aside."""
    answered = row.get("properties") or {}
    common = [name for name in one["properties"] if name in answered]
    return bool(common) and all(_plain(one["properties"][name]) == _plain(answered[name]) for name in common)


def _plain(value: object) -> str:
    return str("" if value is None else value).strip().casefold()
