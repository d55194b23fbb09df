"""What `syncd check` says about a JobNimbus account, in words an operator can act on.

What is not here: anything that writes. Write permission cannot be tested without writing, and is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from syncd.errors import AuthError, ConfigError, SyncdError
from syncd.kit.connector import Finding, Severity, SystemSettings
from syncd.kit.http import NoAnswer
from syncd_jobnimbus.client import WINDOW, Client
from syncd_jobnimbus.explain import KEY_REMEDY, Forbidden
from syncd_jobnimbus.fields import KINDS
from syncd_jobnimbus.probes import Probes

_ENDS = ("API key", "connection")
_PROFILE = "Give the key's access profile access to this in JobNimbus under Settings > Access Profiles."
_NO_FILTER = "syncd then reads whole lists instead, which is slow and ends at 10,000 records. Ask JobNimbus support."


@dataclass(frozen=True, slots=True)
class Checker:
    """Looks at one account."""

    settings: SystemSettings
    client: Client
    probes: Probes
    sync_fields: Callable[[], Sequence[tuple[str, str]]]

    def check(self) -> list[Finding]:
        """Every finding; a wrong key, no answer or nothing but failures ends it early: nothing else could be said."""
        findings = [*self._settings()]
        if any(finding.subject in _ENDS and finding.severity is Severity.ERROR for finding in findings):
            return findings
        findings += self._guarded("users", self._users)
        if all(finding.severity is Severity.ERROR for finding in findings):
            return findings
        for kind in KINDS:
            findings += self._guarded(kind, partial(self._kind, kind))
        return [*findings, *self._guarded("sync key", self._sync_key), *self._timezone()]

    def _settings(self) -> Iterator[Finding]:
        try:
            flows = self.client.settings().get("workflows") or ()
        except Forbidden as error:
            yield Finding(Severity.ERROR, "account settings", str(error), _PROFILE)
        except AuthError as error:
            yield Finding(Severity.ERROR, "API key", str(error).removesuffix(KEY_REMEDY).rstrip(), KEY_REMEDY)
        except NoAnswer as error:
            yield _trouble("connection", error)
        except SyncdError as error:
            yield _trouble("account settings", error)
        else:
            yield Finding(Severity.OK, "API key", "JobNimbus accepts the key.")
            yield Finding(Severity.OK, "account settings", f"{len(flows)} workflows can be read.")

    def _users(self) -> Iterator[Finding]:
        active = [user for user in self.client.users() if user.get("is_active") is not False]
        without = sum(not user.get("email") for user in active)
        yield Finding(Severity.OK, "users", f"{len(active)} active users, {without} of them without an e-mail.")

    def _kind(self, kind: str) -> Iterator[Finding]:
        count = self.client.listing(kind, size=1).count
        yield Finding(Severity.OK, kind, f"{count} {kind} can be read. Writing was not tried.")
        usable = True
        for field in ("date_updated", "date_created"):
            usable = self.probes.dates(kind, field) and usable
            yield self._filter(kind, f"filter by {field}", self.probes.dates(kind, field), _NO_FILTER)
        yield from self._search(kind)
        if count > WINDOW:
            severity = Severity.WARNING if usable else Severity.ERROR
            words = f"More than {WINDOW} {kind}: the first reading takes about {count // 1000 + 1} requests."
            yield Finding(severity, kind, words, "" if usable else _NO_FILTER)

    def _search(self, kind: str) -> Iterator[Finding]:
        search = self.probes.search(kind)
        remedy = "Without it no record can be looked up before one is created. Ask JobNimbus support."
        yield self._filter(kind, "exact filter", search.term, remedy)
        if search.term and not search.should:
            words = "Several values cannot be looked up in one request; look-ups cost more requests."
            yield Finding(Severity.WARNING, kind, words)

    def _filter(self, kind: str, name: str, works: bool, remedy: str) -> Finding:
        if works:
            return Finding(Severity.OK, kind, f"The {name} does what it says.")
        return Finding(Severity.WARNING, kind, f"The {name} does not work in this account.", remedy)

    def _sync_key(self) -> Iterator[Finding]:
        for kind, field in self.sync_fields() if self.settings.options.get("sync_key") else ():
            if self.probes.key(kind, field):
                yield Finding(Severity.OK, "sync key", f"{kind} can be looked up by {field}.")
            else:
                remedy = "Use a custom text field, or set sync_key = false."
                yield Finding(Severity.ERROR, "sync key", f"{kind} cannot be looked up by {field}.", remedy)

    def _timezone(self) -> Iterator[Finding]:
        if self.settings.timezone is None:
            words = "No timezone is set: dates of custom date fields are taken as UTC."
            remedy = f'Set timezone = "America/Chicago" (yours) under [systems.{self.settings.system}].'
            yield Finding(Severity.WARNING, "timezone", words, remedy)

    def _guarded(self, subject: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
        """What a look finds; an error is one more finding."""
        found: list[Finding] = []
        try:
            found.extend(look())
        except Forbidden as error:
            found.append(Finding(Severity.ERROR, subject, str(error), _PROFILE))
        except ConfigError:
            raise
        except SyncdError as error:
            found.append(_trouble(subject, error))
        return found


def _trouble(subject: str, error: SyncdError) -> Finding:
    return Finding(Severity.ERROR, subject, str(error), "Try again; if it stays, see https://status.jobnimbus.com.")
