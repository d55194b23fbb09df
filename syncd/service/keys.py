"""A system's key: where the set-up has it from, and another one in its place, once its vendor takes it.

What is not here: taking the new one (`lifetime`), and how a file is written (`replacing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum

from syncd import config as settings
from syncd.config import Config, Kept, SystemConfig
from syncd.errors import ConfigError, Problem
from syncd.kit.connector import Severity
from syncd.service import systems
from syncd.service.replacing import replaced


class From(StrEnum):
    """From when on a new key holds: a running syncd reads it anew, or is to be started anew."""

    SOON = "syncd goes on with it in a moment."
    START = "It holds once syncd is started anew: systemctl restart syncd"


@dataclass(frozen=True, slots=True)
class Keys:
    """Of one set-up. `renew`: has the running daemon read it anew; None: none works here.

    `other_account`: what is wrong if a system's key opens this account.
    """

    config: Config
    environ: Mapping[str, str]
    other_account: Callable[[str, str | None], Problem | None]
    renew: Callable[[], None] | None = None

    def kept(self, system: str) -> Kept:
        """Where a system's key lies. Raises ConfigError for no system of the set-up, or if the file says it no more."""
        if system not in self.config.systems:
            known = ", ".join(self.config.systems)
            raise ConfigError(Problem(f"system {system}", "is not in the set-up.", f"Known: {known}."))
        shape = systems.shapes()[self.config.systems[system].connector]
        return settings.kept(self.config.path, self.environ, system, shape.secret_name)

    def change(self, system: str, typed: str) -> From:
        """Put another key in the place of a system's, if its vendor takes it; from when on it holds.

        Raises ConfigError, Transient where the vendor does not answer; then the old one stays.
        """
        kept, known = self.kept(system), self.config.systems[system]
        try:
            key = settings.a_key(typed)
        except settings.Wrong as error:
            raise ConfigError(Problem(f"the key of {system}", str(error), error.remedy)) from None
        if kept.file is None:
            remedy = "Put the new key there yourself, then restart syncd: it is read at the start."
            raise ConfigError(Problem(f"the key of {system}", f"lies where syncd may not write: {kept.words}.", remedy))
        if key == known.secret:
            remedy = "Make a new one at the vendor, and paste that."
            raise ConfigError(Problem(f"the key of {system}", "is the one that syncd has already.", remedy))
        self.try_out(replace(known, secret=key))
        replaced(kept.file, f"{key}\n", like=kept.file)
        if kept.handed or self.renew is None:
            return From.START
        self.renew()
        return From.SOON

    def try_out(self, system: SystemConfig) -> str | None:
        """Ask the vendor all that `check` asks: the account, if it is told. Raises ConfigError with what is refused."""
        with closing(systems.connector(self.config, system)) as connector:
            found = connector.check()
            for kind in connector.kinds:  # some tell their account with the fields
                if connector.account() is None and all(one.severity is not Severity.ERROR for one in found):
                    connector.describe(kind)
            account = connector.account()
        wrong = [
            Problem(f"{system.name}: {one.subject}", one.message, one.remedy)
            for one in found
            if one.severity is Severity.ERROR
        ]
        if other := self.other_account(system.name, account):
            wrong.append(other)
        if wrong:
            raise ConfigError(wrong)
        return account
