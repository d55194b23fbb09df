"""Every switch of the sandbox with its default: limits tests choose, and what nobody outside HubSpot knows.

What is not here: what the switches do; the modules that read them say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.kit import sender
from syncd.kit.sandbox import ControlError

SWITCHES: Mapping[str, Any] = {
    "rate": "pro",  # off | free | pro | oauth | raised | "<n>/<seconds>", per token
    "search_rate": "5/1",  # per account; off with rate off
    "daily": 625_000,  # requests per account and day of the portal's zone
    "other_apps_search": 0,  # searches per second that other apps take from the shared budget
    "retry_after": False,  # whether a 429 says Retry-After: unknown
    "search_policy": "SECONDLY",  # policyName of a search 429: unknown
    "search_counts_daily": True,  # unknown
    "write_burst": None,  # {"writes": n, "seconds": s}: more than that locks writes for 2 s with 423
    "migrating": None,  # seconds: every call answers 477 with that Retry-After
    "index_lag": {
        "kind": "normal"
    },  # {"kind": "normal", "scale": x} | {"kind": "none"} | {"kind": "fixed", "seconds": s}
    "archived_leave_search": "at once",  # at once | with the index
    "neq_finds_blank": False,  # unknown
    "batch_order": "input",  # input | shuffled: order of batch results
    "batch_update_partial": "trace",  # trace | always: when one bad input does not fail the others
    "merged_in_batch_update": "omitted",  # omitted | error: ids merged away
    "merged_in_batch_read": "resolved",  # resolved | missing
    "merged_createdate": "oldest",  # oldest | primary | now: unknown
    "restore_bumps": True,  # unknown
    "same_value_bumps": False,  # whether a write of equal values moves the modified time: probably not
    "post_processing": True,  # a second bump some hundred ms after a create
    "auto_closedate": True,  # closedate is set when a deal reaches a closed stage
    "auto_company": None,  # seconds: a company by e-mail domain is made and tied that long after a contact
    "email_blocklist": True,  # whether the e-mail of a GDPR-deleted contact is refused
    "null_write": "refused",  # refused | ignored | cleared: JSON null as a property value
    "unique_conflict_status": 400,  # 400 | 409 for a taken value of a custom unique property: both seen
    "validation_errors": "message",  # message | errors | both: where a 400 tells its details
    "empty": [],  # lists | searches of these answer with nothing and 200, while reads by id go on
    "hidden_read": 404,  # 404 | 403: a GET of a record that the token no longer sees: unknown
    "hidden_in_batch": "missing",  # missing | omitted: the same in a batch read: unknown
    "custom_properties": "shown",  # shown | untold (described, in no answer) | gone (from both): lost access to them
    "required_rules": [],  # of the admin, enforced on 2026-09: [{"type", "require": [names], "if": {name: value}}]
    "required_code": "REQUIRED_FIELD",  # errors[].code of those: unknown
    "history_source": "INTEGRATION",  # sourceType in history for API writes
    "history_source_id": "app",  # app | none | a literal: what a service key leaves is unknown
    "association_page": 500,  # per page of one record's associations: unknown
    "inline_association_page": 100,  # of `associations` in reads: unknown
    "no_associations": "missing",  # missing | error: ids without associations in a batch read
    "timezone": "America/Chicago",
    **sender.SWITCHES,
    "webhook_retries": 10,  # over 24 hours; here by webhook_retry_after
    "webhook_generic": False,  # whether the subscriptions are to object.* and not to contact.* and the like
}

RATES: Mapping[str, str] = {"free": "100/10", "pro": "190/10", "oauth": "110/10", "raised": "250/10"}


def rate(setting: Any) -> tuple[int, float] | None:
    """(requests, seconds) of a rate switch, None for off; ControlError for what it does not understand."""
    text = RATES.get(str(setting), str(setting))
    if text in ("off", "None", "0"):
        return None
    count, _, seconds = text.partition("/")
    try:
        return int(count), float(seconds or 1)
    except ValueError as error:
        raise ControlError(f"rate {setting!r} is neither off, {', '.join(RATES)} nor <n>/<seconds>") from error


def check(settings: Mapping[str, Any]) -> None:
    """ControlError for a rate that says nothing."""
    rate(settings["rate"])
    rate(settings["search_rate"])
