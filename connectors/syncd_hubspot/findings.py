"""What `syncd check` says of a HubSpot account: key, scopes, owners, pipelines, zone. Each finding with its remedy.

What is not here: anything that writes. Scopes to write cannot be seen without writing, so they are named, not tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from syncd.errors import AuthError, SyncdError
from syncd.kit.connector import Finding, Severity, SystemSettings
from syncd_hubspot.client import Client
from syncd_hubspot.schema import Schemas, zone_of

_KEY = (
    "In HubSpot, open Development > Keys > Service keys, make a key with the scopes named in the guide, "
    "and put it where the setting `token` points to."
)
_REACH = "See whether this machine reaches the address, and HubSpot's status page."


def findings(client: Client, schemas: Schemas, settings: SystemSettings, kinds: Sequence[str]) -> list[Finding]:
    """Look at everything that can be looked at; never raises for what it can say."""
    first = _try("account", schemas.account, _account_words, "the account's details")
    if first.severity is Severity.ERROR:
        return [first]
    return [first, *_zone(schemas, settings), *_looks(client, schemas, kinds), _unprobed(kinds)]


def _looks(client: Client, schemas: Schemas, kinds: Sequence[str]) -> Iterator[Finding]:
    for kind in kinds:
        yield _try(
            f"{kind}: properties",
            partial(schemas.types, kind),
            lambda types: f"{len(types)} properties can be read.",
            f"crm.schemas.{kind}.read",
        )
        yield _try(
            f"{kind}: records",
            partial(client.list, kind, limit=1),
            lambda _: "Records can be read.",
            f"crm.objects.{kind}.read",
        )
    yield _try(
        "owners",
        lambda: list(client.owners(archived=False)),
        lambda owners: f"{len(owners)} owners can be read.",
        "crm.objects.owners.read",
    )
    if "deals" in kinds:
        yield _try(
            "pipelines",
            lambda: client.pipelines("deals"),
            lambda lines: f"{len(lines)} deal pipelines can be read.",
            "crm.schemas.deals.read",
        )


def _try(subject: str, ask: Callable[[], Any], words: Callable[[Any], str], scope: str) -> Finding:
    try:
        return Finding(Severity.OK, subject, words(ask()))
    except AuthError as error:
        lacks = error.permission or (scope if "forbids" in str(error) else None)
        remedy = f"Give the key the scope {lacks}." if lacks else _KEY
        return Finding(Severity.ERROR, subject, str(error), remedy)
    except SyncdError as error:
        return Finding(Severity.ERROR, subject, str(error), _REACH)


def _account_words(account: Any) -> str:
    return f"The key opens the account {account.get('portalId')}, zone {zone_of(account)}."


def _zone(schemas: Schemas, settings: SystemSettings) -> Iterator[Finding]:
    theirs = zone_of(schemas.account())
    if settings.timezone and settings.timezone != theirs:
        text = f"The setting says {settings.timezone}, the account says {theirs}."
        yield Finding(Severity.WARNING, "timezone", text, "Take the setting out, unless it is meant so.")


def _unprobed(kinds: Sequence[str]) -> Finding:
    scopes = ", ".join(f"crm.objects.{kind}.write" for kind in kinds)
    text = f"Not tested, because only a write would show it: {scopes}."
    return Finding(Severity.OK, "scopes to write", text, "A missing one stops the system at the first write, by name.")
