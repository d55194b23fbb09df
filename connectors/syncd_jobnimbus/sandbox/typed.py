"""What a person types, turned into stored values: dates in the account's zone, money with signs, names of things.

What is not here: the API, which takes wire values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from syncd.kit.sandbox import ControlError
from syncd_jobnimbus.sandbox.account import Account
from syncd_jobnimbus.sandbox.fields import STANDARD, Holds
from syncd_jobnimbus.sandbox.rules import STORED_AS


def fields_of(account: Account, kind: str) -> dict[str, Holds]:
    """Every name a person may use for a field of a kind, labels included, with what it holds."""
    custom = account.custom.get(kind, ())
    named = {name: STORED_AS[each.storage] for each in custom for name in (each.title, each.key)}
    return {**named, **STANDARD[kind]}


def demand_known(names: Mapping[str, Any] | list[str], known: Mapping[str, Any]) -> None:
    """ControlError that names unknown fields and the known ones."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ControlError(f"unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def typed(account: Account, holds: Holds, text: Any, zone: str) -> Any:
    """The wire value of what was typed; values that are no text pass as they are. ControlError if it is no such."""
    if not isinstance(text, str):
        return text
    try:
        return _typed(account, holds, text.strip(), zone)
    except (ValueError, KeyError) as error:
        raise ControlError(f"{text!r} is no {holds.value}") from error


def _typed(account: Account, holds: Holds, text: str, zone: str) -> Any:
    if holds in (Holds.TEXT, Holds.NAMED, Holds.COMPUTED):
        return text
    if holds is Holds.DATE:
        return moment(text, zone) if text else None
    if holds is Holds.NUMBER:
        return float(text.replace("$", "").replace(",", "")) if text else None
    if holds is Holds.BOOL:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}[text.lower()]
    if holds is Holds.PRIMARY:
        return {"id": text} if text else None
    if holds is Holds.LOCATION:
        return {"id": int(text)}
    parts = [part.strip() for part in text.split(";") if part.strip()]
    return parts if holds is Holds.TAGS else [{"id": _user_id(account, part)} for part in parts]


def moment(text: str, zone: str) -> int:
    """Unix seconds of a typed number, ISO date (midnight in the zone) or ISO moment."""
    if text.lstrip("-").isdigit():
        return int(text)
    parsed = datetime.fromisoformat(text)
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo(zone))).timestamp())


def _user_id(account: Account, text: str) -> str:
    user = account.user(text)
    if user is None:
        raise ValueError(text)
    return user.id
