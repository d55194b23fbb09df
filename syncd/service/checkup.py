"""What `syncd check` looks at: keys and permissions, maps, the store; each finding with its remedy.

What is not here: what a connector finds in its own account (`Connector.check`) and how findings are shown (`cli`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from syncd import fieldmaps
from syncd.config import Config, PairConfig
from syncd.core.model import Side
from syncd.core.plural import counted
from syncd.errors import AuthError, ConfigError, Problem, SyncdError
from syncd.kit.connector import Connector, Finding, Severity
from syncd.service.couriers import Couriers


def findings(
    config: Config,
    connectors: Mapping[str, Connector],
    store_version: Callable[[], str | None],
    other_account: Callable[[str, str | None], Problem | None],
    progress: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Every finding as data: severity, subject, message, remedy. `store_version` may raise ConfigError.

    `other_account`: what is wrong if a system's key opens this account.
    `progress` hears what is looked at: a system that does not answer is asked for as long as any request is.
    """
    return [
        {"severity": str(f.severity), "subject": f.subject, "message": f.message, "remedy": f.remedy}
        for f in _all(config, connectors, store_version, other_account, progress)
    ]


def _all(
    config: Config,
    connectors: Mapping[str, Connector],
    store_version: Callable[[], str | None],
    other_account: Callable[[str, str | None], Problem | None],
    progress: Callable[[str], None],
) -> Iterator[Finding]:
    told: dict[str, Sequence[Finding]] = {}
    for name, connector in connectors.items():
        progress(f"asking {name}")
        told[name] = connector.check()
        for f in told[name]:
            yield Finding(f.severity, f"{name}: {f.subject}", f.message, f.remedy)
        if config.systems[name].webhook_secret is not None:
            heard = f"{config.web.public_url or f'http://{config.web.listen}'}/hooks/{name}"
            yield Finding(Severity.OK, f"{name}: webhooks", f"heard at {heard}")
    for pair in config.pairs.values():
        progress(f"checking the maps of pair {pair.name}")
        yield from _maps(config, connectors, pair, told)
    for name, connector in connectors.items():  # some tell it with their fields, which maps have just asked for
        with suppress(ConfigError):  # that of the store is told below
            if problem := other_account(name, connector.account()):
                yield Finding(Severity.ERROR, f"{name}: account", problem.message, problem.remedy)
    yield from _alerts(config)
    try:
        yield Finding(Severity.OK, "store", f"version {store_version()}")
    except ConfigError as error:
        yield from (Finding(Severity.ERROR, p.place, p.message, p.remedy) for p in error.problems)


def _alerts(config: Config) -> Iterator[Finding]:
    if not config.alerts.to:
        return
    try:
        told = len(Couriers.of(config.alerts.to).servers)
    except ConfigError as error:
        yield from (Finding(Severity.ERROR, p.place, p.message, p.remedy) for p in error.problems)
    else:
        yield Finding(Severity.OK, "alerts", f"told to {counted(told, 'address', 'addresses')}")


def _maps(
    config: Config, connectors: Mapping[str, Connector], pair: PairConfig, told: Mapping[str, Sequence[Finding]]
) -> list[Finding]:
    systems = {Side.LEFT: pair.left, Side.RIGHT: pair.right}
    try:
        paths = fieldmaps.find_all(pair.maps, config.maps)
        loaded = fieldmaps.check(
            paths, pair=pair.name, systems=systems,
            describe=lambda side, kind: connectors[systems[side]].describe(kind),
        )  # fmt: skip
    except ConfigError as error:
        return [Finding(Severity.ERROR, p.place, p.message, p.remedy) for p in error.problems]
    except SyncdError as error:
        remedy = _remedy(error, told)
        return [Finding(Severity.ERROR, f"pair {pair.name}", f"its fields cannot be read: {error}", remedy)]
    found = [Finding(Severity.ERROR, p.place, p.message, p.remedy) for one in loaded for p in one.errors]
    found += [Finding(Severity.WARNING, p.place, p.message, p.remedy) for one in loaded for p in one.warnings]
    return found or [Finding(Severity.OK, f"pair {pair.name}", "its maps fit both systems")]


def _remedy(error: SyncdError, told: Mapping[str, Sequence[Finding]]) -> str:
    """The remedy of the line in which a system tells the same, or of one that refuses; other trouble may pass."""
    wrong = {system: [f for f in lines if f.severity is Severity.ERROR and f.remedy] for system, lines in told.items()}
    same = [f for lines in wrong.values() for f in lines if f.message == str(error)]
    if not isinstance(error, AuthError):
        return same[0].remedy if same else "Try again; see the lines of its systems."
    own = same or wrong.get(error.system or "")
    return own[0].remedy if own else "See the lines of its systems."
