"""Checks of single settings: durations, addresses, secrets. Each returns the value as the program wants it.

What is not here: which setting is which (`model`) and the collecting of mistakes (`load`). A wrong value raises
`Wrong`, which carries what is wrong and what to do; a secret's value is never part of either.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from pydantic import ValidationInfo

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
RATE = re.compile(r"[1-9]\d*/(?:[1-9]\d*(?:s|sec|second|m|min|minute|h|hour)?|s|sec|second|m|min|minute|h|hour)")
CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
LAST_PORT = 65535
LONGEST = timedelta(days=3650)
"""Of a duration: a moment so far from now is still one that calendars have."""

SHORTEST_KEPT = timedelta(days=7)
"""Of what is kept: the guard looks back for a day, and people for a week."""

KEY = re.compile(r"[!-~]+")
"""What an HTTP header can carry: visible ASCII."""

SHORTEST = 12
"""Characters of a webhook's secret: a shorter one can be guessed by whoever may try as often as they like."""

LONGEST_BUTTON = 40
"""Letters that a button has room for on a phone."""

CREDENTIAL, CREDENTIALS = "credential", "credentials"
"""The word of a setting whose secret the service manager hands over, and the folder it has it from."""

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S")

CREDENTIAL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

STORES = ("sqlite", "postgresql+psycopg")


class Wrong(ValueError):
    """A value that cannot be taken: what is wrong with it, and what to do. Collected with all the others."""

    def __init__(self, message: str, remedy: str) -> None:
        """Take the two sentences."""
        self.remedy = remedy
        super().__init__(message)


def duration(value: Any) -> timedelta:
    """Seconds and such from "30s", "5m", "1h30m"; zero, bare numbers and more than `LONGEST` are mistakes."""
    text = value.replace(" ", "") if isinstance(value, str) else ""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Wrong(f"is not a duration: {value!r}.", 'Write a number and a unit: "250ms", "30s", "5m", "1h" or "1d".')
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if seconds <= 0:
        raise Wrong("must be longer than nothing.", 'Write for example "30s".')
    if seconds > LONGEST.total_seconds():
        raise Wrong(f"is longer than {LONGEST.days} days.", 'Write a shorter one, for example "30s".')
    return timedelta(seconds=seconds)


def long_enough(value: Any) -> timedelta:
    """As `duration`, and no shorter than `SHORTEST_KEPT`."""
    found = duration(value)
    if found < SHORTEST_KEPT:
        raise Wrong(f"is shorter than {SHORTEST_KEPT.days} days.", 'Write a longer one, for example "400d".')
    return found


def _context(info: ValidationInfo) -> dict[str, Any]:
    return info.context or {}


def path(value: Any, info: ValidationInfo) -> Path:
    """A path; relative to the folder of the config file."""
    if not isinstance(value, str) or not value:
        raise Wrong("must be a path in quotes.", "")
    base: Path = _context(info)["folder"]
    return (base / Path(value).expanduser()).resolve()


def file(value: Any, info: ValidationInfo) -> Path:
    """A file that is there."""
    found = path(value, info)
    if not found.is_file():
        raise Wrong(f"names a file that is not there: {found}.", "Mend the path; it is relative to the config file.")
    return found


def folder(value: Any, info: ValidationInfo) -> Path:
    """A folder that is there."""
    found = path(value, info)
    if not found.is_dir():
        raise Wrong(
            f"names a folder that is not there: {found}.",
            "Make it, mend the path (relative to the config file), or leave the setting out to use the shipped maps.",
        )
    return found


def store_url(value: Any, info: ValidationInfo) -> str:
    """A database URL; a relative SQLite file is relative to the folder of the config file."""
    remedy = 'Write "sqlite:///syncd.db" or "postgresql+psycopg://user@host/database".'
    text = value if isinstance(value, str) else ""
    scheme, _, rest = text.partition("://")
    if scheme not in STORES or not rest:
        raise Wrong(f"is not a store that syncd can use (it begins with {scheme[:20]!r}).", remedy)
    if scheme != "sqlite":
        if password(text) is not None and not _given_by_environment(info):
            raise Wrong(
                "holds a secret in plain text.",
                'Take the password out, and set store_password = {env = "NAME"} or {file = "path"}.',
            )
        return text
    if not rest.startswith("/") or rest in ("/", "/:memory:"):
        raise Wrong("must name a file: what is kept in memory is lost at the next start.", remedy)
    return f"sqlite:///{path(rest[1:], info)}"


def _given_by_environment(info: ValidationInfo) -> bool:
    """Whether the whole address came from the environment: there a password is where secrets belong."""
    return "SYNCD_STORE" in _context(info)["environ"]


def quoted(secret: str) -> str:
    """A secret as it stands in an address."""
    return quote(secret, safe="")


def with_password(store: str, secret: str) -> str:
    """The address of a PostgreSQL with its password."""
    parts = urlsplit(store)
    user, _, host = parts.netloc.rpartition("@")
    named = f"{user.partition(':')[0]}:{quoted(secret)}@{host}"
    return parts._replace(netloc=named).geturl()


def some_maps(value: tuple[str, ...]) -> tuple[str, ...]:
    """At least one map, and none twice."""
    if not value or len(set(value)) != len(value):
        fault = "names a map twice." if value else "names no map."
        raise Wrong(fault, 'Write for example maps = ["hubspot-jobnimbus/contacts.yaml"].')
    return value


def password(store: str) -> str | None:
    """The password inside a database URL, if there is one."""
    found = None if store.startswith("sqlite") else urlsplit(store).password
    return unquote(found) if found else None


def listen(value: Any) -> str:
    """`host:port`."""
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not host or not port.isdigit() or int(port) > LAST_PORT:
        raise Wrong("must be host and port.", 'Write for example "127.0.0.1:8484".')
    return f"{host}:{port}"


def time_of_day(value: Any) -> time:
    """`HH:MM`."""
    if not isinstance(value, str) or not CLOCK.fullmatch(value):
        raise Wrong(f"is no time of day: {value!r}.", 'Write hours and minutes: "02:00".')
    return time.fromisoformat(value)


def hours(value: Any) -> tuple[time, time]:
    """Two times of a day, from and until; the night between them if the first is the later one."""
    if not isinstance(value, list) or len(value) != 2 or value[0] == value[1]:
        raise Wrong("must be two times of a day.", 'Write for example ["22:00", "06:30"].')
    return time_of_day(value[0]), time_of_day(value[1])


def address(value: Any, info: ValidationInfo) -> str:
    """A secret that is an address of Apprise's."""
    found = secret(value, info)
    if not ADDRESS.match(found):
        raise Wrong("is no address to send alerts to.", "It begins with a service's name and ://, as in mailto://...")
    return found


def url(value: Any) -> str:
    """An https address, or http on this very machine."""
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not value.isprintable():
        raise Wrong("must be a full address.", 'Write for example "https://sync.example.com".')
    if parts.scheme == "http" and not _loopback(parts.hostname):
        raise Wrong("must begin with https:// (http is taken only on 127.0.0.1).", "Use the https address.")
    return str(value).rstrip("/")


def issuer(value: Any) -> str:
    """As `url`, to the letter: what a provider calls itself may end with a slash."""
    url(value)
    parts = urlsplit(value)
    if parts.query or parts.fragment or parts.username is not None:
        raise Wrong("must be an address alone.", 'Write what the provider calls itself: "https://login.example.com".')
    return str(value)


def client_id(value: Any) -> str:
    """What a provider knows us by."""
    if not isinstance(value, str) or not KEY.fullmatch(value):
        raise Wrong("is no client id.", "Copy it from the provider's page of the application.")
    return value


def button(value: Any) -> str:
    """A few words that fit on a button."""
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_BUTTON or not value.isprintable():
        raise Wrong(f"must be 1 to {LONGEST_BUTTON} letters.", 'Write for example "Example Roofing".')
    return value.strip()


def of_this_machine(listens: str) -> bool:
    """Whether what listens there is reached from this very machine alone."""
    return _loopback(listens.rpartition(":")[0].strip("[]"))


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def timezone(value: Any) -> str:
    """An IANA time zone name."""
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, TypeError, KeyError):
        raise Wrong(f"is not a time zone: {value!r}.", 'Write an IANA name such as "America/Chicago".') from None


def rate(value: Any) -> str:
    """Requests per time, as "80/min" or "10/s,80/min"; the connector reads it."""
    parts = value.split(",") if isinstance(value, str) else [""]
    if not all(RATE.fullmatch(part.strip()) for part in parts):
        raise Wrong(f"is not a rate: {value!r}.", 'Write for example "80/min", "100/10s" or "10/s,80/min".')
    return str(value)


def secret(value: Any, info: ValidationInfo) -> str:
    """A secret from where the setting says it is; it is never written in the file.

    {env = "NAME"}, {file = "path"}, or {credential = "NAME"}: what systemd hands over, and in a shell the file of that
    name in the folder `credentials` beside the config, of which systemd has it.
    """
    if isinstance(value, dict) and len(value) == 1:
        ((source, name),) = value.items()
        if source == "env" and isinstance(name, str):
            return _from_environment(name, info)
        if source == CREDENTIAL and isinstance(name, str):
            return _from_credential(name, info)
        if source == "file":
            return _from_file(file(name, info))
    wanted = 'Write {env = "NAME"}, {file = "path"} or {credential = "NAME"}.'
    if isinstance(value, str):
        remedy = f"Take it out, and make a new one if others could read this file. {wanted}"
        raise Wrong("holds a secret in plain text.", remedy)
    raise Wrong("does not say where the secret is.", wanted)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a secret lies, in words. `file`: where another one can be written; None: nowhere that syncd reaches.

    `handed`: the service manager read it from there and hands it over, anew at each start only.
    """

    words: str
    file: Path | None = None
    handed: bool = False


def kept(value: Mapping[str, str], folder: Path, environ: Mapping[str, str]) -> Kept:
    """Where `secret` has found this one."""
    ((source, name),) = value.items()
    if source == "env":
        return Kept(f"the environment variable {name}")
    if source == "file":
        found = (folder / Path(name).expanduser()).resolve()
        return Kept(str(found), found)
    manager = environ.get("CREDENTIALS_DIRECTORY")
    handed = manager is not None and (Path(manager) / name).is_file()
    found = folder / CREDENTIALS / name
    return Kept(f"the credential {name}", found if os.access(found.parent, os.W_OK) else None, handed)


def webhook_secret(value: Any, info: ValidationInfo) -> str:
    """As `secret`, and not so short that it can be guessed."""
    found = secret(value, info)
    if len(found) < SHORTEST:
        raise Wrong(f"is shorter than {SHORTEST} characters.", "Make a longer one: openssl rand -hex 32")
    return found


def store_password(value: Any, info: ValidationInfo) -> str:
    """As `secret`; or the password itself, where SYNCD_STORE_PASSWORD gives it."""
    if value and value == _context(info)["environ"].get("SYNCD_STORE_PASSWORD"):
        return _key(value, "the environment variable SYNCD_STORE_PASSWORD")
    return secret(value, info)


def _from_environment(name: str, info: ValidationInfo) -> str:
    found: str = _context(info)["environ"].get(name, "").strip()
    if not found:
        raise Wrong(f"needs the environment variable {name}, which is not set.", f"Set it: export {name}=...")
    return _key(found, f"the environment variable {name}")


def _from_credential(name: str, info: ValidationInfo) -> str:
    if not CREDENTIAL_NAME.fullmatch(name):
        raise Wrong(f"is not the name of a credential: {name!r}.", "Write letters, digits, - and _ alone.")
    handed = _context(info)["environ"].get("CREDENTIALS_DIRECTORY")
    if handed and (found := Path(handed) / name).is_file():
        return _read(found)  # systemd looks after who reads it, by means that the mode does not show
    kept: Path = _context(info)["folder"] / CREDENTIALS / name
    if not kept.is_file():
        raise Wrong(
            f"needs the credential {name}, which is not there: {kept}.", f"Put the secret into it: chmod 600 {kept}"
        )
    return _from_file(kept)


def _from_file(name: Path) -> str:
    if stat.S_IMODE(name.stat().st_mode) & 0o077:
        raise Wrong(f"is in a file that others can read: {name}.", f"Run: chmod 600 {name}")
    return _read(name)


def _read(name: Path) -> str:
    try:
        found = name.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Wrong(f"is in a file that cannot be read: {name} ({type(error).__name__}).", "Mend the file.") from None
    if not found:
        raise Wrong(f"is in a file that is empty: {name}.", "Put the secret into it, on one line.")
    return _key(found, f"the file {name}")


def a_key(typed: str) -> str:
    """A key that somebody typed or pasted. Raises Wrong for what can be none."""
    if not typed.strip():
        raise Wrong("is empty.", "Copy the key from the vendor's page and paste it.")
    return _key(typed.strip(), "what was typed")


def _key(found: str, place: str) -> str:
    if not KEY.fullmatch(found):
        raise Wrong(f"holds characters that no key has, in {place}.", "Copy the key again and paste it there.")
    return found
