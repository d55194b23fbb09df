"""What `syncd check` says of a Salesforce org: session, calls, objects, keys, people. Each finding with its remedy.

What is not here: anything that writes, so the right to write is told as Salesforce describes it, and not tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from syncd.errors import AuthError, SyncdError
from syncd.kit.connector import Finding, Severity, SystemSettings
from syncd_salesforce import soql
from syncd_salesforce.client import Client
from syncd_salesforce.schema import PERSON, Described, Schemas
from syncd_salesforce.troubles import CallsUsedUp

_APP = (
    "In Salesforce Setup, open External Client App Manager: the app must allow this flow, have a run-as user, and "
    "`client_id` and `secret` must be its consumer key and secret; see the guide to the Salesforce app."
)
_REACH = "See whether this machine reaches the address, and Salesforce's status page."
_WAIT = (
    "Wait until fewer calls of the last 24 hours are counted, or let there be more: raise the setting `stop_at` where "
    "that is what stops syncd, or buy more calls for the org."
)
_RIGHTS = {
    "API Enabled": "Give the run-as user a permission set with API Enabled.",
    "Read on the object": "Give the run-as user's permission set Read, and View All, on this object.",
}
_PERSONS = (
    "Map such people on Account, with `only: left.IsPersonAccount == true`, by LastName and PersonEmail and never by "
    "Name, and with a RecordTypeId for people in `on_create`; the shadow is left out."
)
_SHOWN = 6


def findings(client: Client, schemas: Schemas, settings: SystemSettings, kinds: Sequence[str]) -> list[Finding]:
    """Look at everything that can be looked at; never raises for what it can say."""
    first, known = _try("session", client.objects, lambda _: _org_words(client))
    if first.severity is Severity.ERROR:
        return [first]
    objects = {str(one.get("name")) for one in known.get("sobjects") or () if isinstance(one, Mapping)}
    found = [first, *_calls(client)]
    for kind in kinds:
        found += _kind(client, schemas, kind, kind in objects)
    return [*found, _people(schemas), _zone(schemas, settings), _unseen()]


def _org_words(client: Client) -> str:
    session = client.door.session
    org, user = (session.org, session.user) if session is not None else (None, None)
    return f"A session was given: org {org or 'not told'}, run-as user {user or 'not told'}."


def _calls(client: Client) -> Iterator[Finding]:
    if client.door.usage is not None:
        used, limit = client.door.usage
        yield Finding(Severity.OK, "API calls", f"{used:,} of {limit:,} calls of the last 24 hours are used.")


def _kind(client: Client, schemas: Schemas, kind: str, there: bool) -> Iterator[Finding]:
    if not there:
        text = "This object is not there, or hidden from the run-as user."
        yield Finding(Severity.WARNING, kind, text, f"If a map uses {kind}: {_RIGHTS['Read on the object']}")
        return
    finding, described = _try(f"{kind}: fields", lambda: schemas.described(kind), _field_words)
    yield finding
    if not isinstance(described, Described):
        return
    yield _try(f"{kind}: records", lambda: client.query(soql.probe(kind)), lambda _: "Records can be read.")[0]
    lacking = [verb for verb in ("createable", "updateable") if not described.may[verb]]
    if lacking:
        words = " and ".join({"createable": "Create", "updateable": "Edit"}[verb] for verb in lacking)
        text = f"The run-as user may not write: {words} is missing."
        yield Finding(Severity.WARNING, f"{kind}: writing", text, f"Add {words} on {kind} to its permission set.")
    yield _key(kind, described)
    yield from _peculiar(kind, described)


def _field_words(described: Described) -> str:
    return f"{len(described.types)} fields can be read; a field that is missing here is hidden from the run-as user."


def _key(kind: str, described: Described) -> Finding:
    """Whether there is a field that can hold our key."""
    external = {name: row for name, row in described.wire.items() if row.get("externalId")}
    unique = [name for name, row in external.items() if row.get("unique")]
    if unique:
        return Finding(Severity.OK, f"{kind}: key", f"Can hold the sync key: {', '.join(unique[:_SHOWN])}.")
    text = f"{', '.join(external)} is no unique field." if external else "There is no field for a sync key."
    remedy = f"Make a Text field on {kind} with External ID and Unique ticked, and name it in the map's `sync_key`."
    return Finding(Severity.WARNING, f"{kind}: key", text, remedy)


def _peculiar(kind: str, described: Described) -> Iterator[Finding]:
    if kind == "Account" and described.has(PERSON):
        text = "Person accounts are on: a person is an Account with PersonEmail, and its Contact is a shadow of it. "
        text += "A map of Contact does not find such people, and may make them once more."
        yield Finding(Severity.WARNING, "Account: person accounts", text, _PERSONS)
    codes = [name for name in described.wire if name.endswith("StateCode")]
    if codes:
        text = "State and country lists are on: a state must be one of the list."
        yield Finding(Severity.OK, f"{kind}: states", text, f"Map {codes[0]} to two letters, rather than the name.")
    formulas = [name for name, row in described.wire.items() if row.get("calculated")]
    if formulas:
        text = f"A formula changes without a sign, so no change of it starts a run: {', '.join(formulas[:_SHOWN])}."
        yield Finding(Severity.OK, f"{kind}: formulas", text, "Map what the formula is made of.")


def _people(schemas: Schemas) -> Finding:
    def words(users: Sequence[Any]) -> str:
        return f"{len(users)} users and queues are seen."

    return _try("users", schemas.people, words)[0]


def _zone(schemas: Schemas, settings: SystemSettings) -> Finding:
    def words(theirs: str | None) -> str:
        told = f"The org's zone is {theirs}" if theirs else "The org does not tell its zone, and UTC is taken"
        return f"{told}; times come in UTC, and dates have no zone."

    finding, theirs = _try("timezone", schemas.zone, words)
    if settings.timezone and isinstance(theirs, str) and settings.timezone != theirs:
        text = f"The setting says {settings.timezone}, the org says {theirs}."
        return Finding(Severity.WARNING, "timezone", text, "Take the setting out, unless it is meant so.")
    return finding


def _unseen() -> Finding:
    text = "Not tested, because it cannot be seen from here: View All on each object, and whose the run-as user is."
    remedy = "Without View All, records that are shared later are found by the nightly audit only; see the guide."
    return Finding(Severity.OK, "sharing", text, remedy)


def _try(subject: str, ask: Callable[[], Any], words: Callable[[Any], str]) -> tuple[Finding, Any]:
    """The finding and the answer; None instead of it where there is none."""
    try:
        told = ask()
        return Finding(Severity.OK, subject, words(told)), told
    except AuthError as error:
        remedy = _RIGHTS.get(error.permission or "") or (
            _APP if error.permission is None else f"It lacks {error.permission}."
        )
        return Finding(Severity.ERROR, subject, str(error), remedy), None
    except CallsUsedUp as error:
        return Finding(Severity.ERROR, subject, str(error), _WAIT), None
    except SyncdError as error:
        return Finding(Severity.ERROR, subject, str(error), _REACH), None
