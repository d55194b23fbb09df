"""What a config says of pairs and timing, as the engine takes it: maps compiled, waits named.

What is not here: reading the config (`syncd.config`) and the maps (`syncd.fieldmaps`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from syncd import config as settings
from syncd import fieldmaps
from syncd.core.model import Schema, Side
from syncd.engine.world import Guard, Pace, Pair
from syncd.errors import AuthError, ConfigError, Refused, SyncdError, Transient
from syncd.fieldmaps.maps import content

Describe = Callable[[str, str], Schema]
"""What a system says of the fields of a kind."""

Kind = tuple[str, str]

SIDE_BY_SIDE = 8
"""Systems that are asked at a time."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """Pairs by name; and of each that could not be compiled, whose trouble that is, or what does not fit."""

    pairs: Mapping[str, Pair]
    troubles: Mapping[str, AuthError | Transient] = field(default_factory=dict)
    unfit: Mapping[str, ConfigError] = field(default_factory=dict)

    def must_fit(self) -> None:
        """Raises ConfigError with all mistakes."""
        if self.unfit:
            raise ConfigError([problem for error in self.unfit.values() for problem in error.problems])

    def whole(self) -> tuple[Pair, ...]:
        """All pairs. Raises ConfigError, and the trouble of the first that is missing."""
        self.must_fit()
        for error in self.troubles.values():
            raise error
        return tuple(self.pairs.values())


class Compiler:
    """Compiles the pairs of a set-up, again and again: one whose files and fields are as before is the very same."""

    def __init__(self, config: settings.Config) -> None:
        """Compile nothing yet."""
        self._config = config
        self._made: dict[str, tuple[object, Pair]] = {}

    def compiled(self, describe: Describe, names: Collection[str] | None = None) -> Compiled:
        """The pairs (of these names) with their maps, each by itself: the trouble of one system is not another pair's.

        Systems are asked side by side. Raises what is no system's trouble.
        """
        several = [pair for name, pair in self._config.pairs.items() if names is None or name in names]
        asked = {pair.name: tuple(_kinds(self._config, pair)) for pair in several}
        told = _described(describe, (kind for kinds in asked.values() for kind in kinds))
        pairs, troubles, unfit = dict[str, Pair](), dict[str, AuthError | Transient](), dict[str, ConfigError]()
        for pair in several:
            try:
                pairs[pair.name] = self._pair(pair, {kind: told[kind] for kind in asked[pair.name]})
            except ConfigError as error:
                unfit[pair.name] = error
            except (AuthError, Transient) as error:
                troubles[pair.name] = error
        return Compiled(pairs, troubles, unfit)

    def _pair(self, pair: settings.PairConfig, told: Mapping[Kind, Schema | SyncdError]) -> Pair:
        paths = fieldmaps.find_all(pair.maps, self._config.maps)
        of = ([content(path) for path in paths], told)
        known = self._made.get(pair.name)
        made = known[1] if known is not None and known[0] == of else _compiled(pair, paths, told)
        self._made[pair.name] = (of, made)
        return made


def apart(config: settings.Config, pairs: Mapping[str, Pair]) -> dict[str, Pair]:
    """Those of these pairs that share no system with one that is missing, nor with one that does.

    What is read of a system is marked in the maps of all its pairs: one that is not there would never hear of it.
    """
    ends = {name: {pair.left, pair.right} for name, pair in config.pairs.items()}
    missing = {system for name, both in ends.items() if name not in pairs for system in both}
    while more := {system for both in ends.values() if missing & both for system in both} - missing:
        missing |= more
    return {name: pairs[name] for name, both in ends.items() if not missing & both}


def _kinds(config: settings.Config, pair: settings.PairConfig) -> Iterator[Kind]:
    """What the maps of a pair read; what is wrong with them is told when they are compiled."""
    paths: Sequence[Path] = ()
    with suppress(ConfigError):
        paths = fieldmaps.find_all(pair.maps, config.maps)
    for path in paths:
        with suppress(ConfigError):
            kinds = _ends(content(path), str(path))
            yield from ((pair.left, kinds[Side.LEFT]), (pair.right, kinds[Side.RIGHT]))


_ends = lru_cache(maxsize=1024)(fieldmaps.kinds)


def _described(describe: Describe, kinds: Iterable[Kind]) -> Mapping[Kind, Schema | SyncdError]:
    """Each kind's schema, or why there is none."""
    of: dict[str, dict[str, None]] = {}
    for system, kind in kinds:
        of.setdefault(system, {})[kind] = None

    def ask(system: str) -> Mapping[Kind, Schema | SyncdError]:
        found: dict[Kind, Schema | SyncdError] = {}
        for kind in of[system]:
            try:
                found[system, kind] = describe(system, kind)
            except Refused as error:
                found[system, kind] = error
            except (AuthError, Transient) as error:
                if error.system is None:
                    raise
                return {(system, one): error for one in of[system]}
        return found

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return {kind: found for told in pool.map(ask, of) for kind, found in told.items()}


def _compiled(pair: settings.PairConfig, paths: Sequence[Path], told: Mapping[Kind, Schema | SyncdError]) -> Pair:
    systems = {Side.LEFT: pair.left, Side.RIGHT: pair.right}

    def describe(side: Side, kind: str) -> Schema:
        found = told[systems[side], kind]
        if isinstance(found, Schema):
            return found
        raise found

    return Pair(
        name=pair.name,
        left=pair.left,
        right=pair.right,
        maps=fieldmaps.load_pair(paths, pair=pair.name, systems=systems, describe=describe),
        mode=pair.mode,
        every=pair.every,
        guard=Guard(**asdict(pair.guard)),
    )


def pace(timing: settings.TimingConfig) -> Pace:
    """The engine's part of the `[timing]` table."""
    return Pace(
        lease=timing.lease,
        landing=timing.landing,
        retry_first=timing.retry_first,
        retry_max=timing.retry_max,
        retry_for=timing.park_after,
        proofs=timing.proofs,
        look_every=timing.look_every,
        flips=timing.flips,
        flips_within=timing.flips_within,
        batch=timing.batch,
        settle_every=min(timing.retry_first, timedelta(seconds=15)),
    )
