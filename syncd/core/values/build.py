"""Choosing a converter: by name with its options, or from the kinds of the two fields.

What is not here: where a name was written (`syncd.fieldmaps` puts file and line to an OptionError).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.core.fieldmap import Converter
from syncd.core.model import FieldKind, Side
from syncd.core.values.base import Ends
from syncd.core.values.choices import People, Pick, Several, option_named, user_named
from syncd.core.values.people import Address, Email, Name, Phone, State, Zip
from syncd.core.values.scalars import Number, Same, Text, YesNo
from syncd.core.values.times import When

Option = str | Mapping[str, str] | Mapping[str, Sequence[str]]
Options = Mapping[str, Option]

Builder = Callable[[Ends, Options], Converter]

PHONE_FORMATS = ("keep", "e164", "national")
STATE_FORMS = ("keep", "code", "name")
NAME_PARTS = ("first", "middle", "last", "suffix")
MONEY_DECIMALS = 2
MOST_DECIMALS = 12
REGION_LENGTH = 2


class OptionError(Exception):
    """A converter's option is wrong: which one, what about it, and what would be right."""

    def __init__(self, option: str, message: str, remedy: str = "") -> None:
        """Take the option's name and the sentences."""
        self.option, self.message, self.remedy = option, message, remedy
        super().__init__(message)


def converter(name: str, ends: Ends, options: Options | None = None) -> Converter:
    """The named converter, bound to both ends. Raises OptionError for a bad option; the name must be known."""
    return BUILDERS[name](ends, options or {})


def default(ends: Ends) -> Converter | None:
    """The converter that the two kinds ask for; None when a person must name one."""
    kinds = {ends.kind(Side.LEFT), ends.kind(Side.RIGHT)}
    for family, build in FAMILIES:
        if kinds == family:
            return build(ends, {})
    return Same(ends) if len(kinds) == 1 else None


def _number(ends: Ends, options: Options) -> Converter:
    decimals = str(options["decimals"]) if "decimals" in options else None
    if decimals is not None and not (decimals.isdigit() and int(decimals) <= MOST_DECIMALS):
        raise OptionError("decimals", f"{decimals!r} is not a number of digits", f"Write 0 to {MOST_DECIMALS}.")
    return Number(ends, int(decimals) if decimals is not None else None)


def _when(ends: Ends, options: Options, *, hours: bool = False) -> Converter:
    zone = str(options["zone"]) if "zone" in options else None
    for name in filter(None, (zone, ends.left_zone, ends.right_zone)):
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise OptionError("zone", f"{name!r} is not a time zone", "Write an IANA name: America/Chicago.") from error
    return When(ends, zone, hours)


def _phone(ends: Ends, options: Options) -> Converter:
    region = str(options.get("region", "US")).upper()
    if len(region) != REGION_LENGTH or not region.isalpha():
        raise OptionError("region", f"{region!r} is not a country code of two letters", "Write US.")
    return Phone(ends, region, _one_of(options, "format", PHONE_FORMATS))


def _yes_no(ends: Ends, options: Options) -> Converter:
    words = str(options.get("yes", "Yes")), str(options.get("no", "No"))
    if words[0].casefold() == words[1].casefold():
        raise OptionError("no", f"yes and no are both {words[0]!r}")
    truth = YesNo(ends, *words)
    return YesNo(
        ends, *(_option_for(ends, truth, wanted, word) for wanted, word in zip((True, False), words, strict=True))
    )


def _option_for(ends: Ends, truth: YesNo, wanted: bool, word: str) -> str:
    """The pick list's own value for yes or no, where a side has one that reads so."""
    lists = [found for side in Side if (found := ends.type(side)) and found.kind is FieldKind.ENUM]
    values = [option.value for listed in lists for option in listed.options]
    named = [value for listed in lists if (value := option_named(listed, word))]
    fits = [value for value in values if truth.key(value, Side.LEFT) == ("yes" if wanted else "no")]
    return next(iter([*named, *fits]), word)


def _state(ends: Ends, options: Options) -> Converter:
    return State(ends, {side: _one_of(options, side.value, STATE_FORMS) for side in Side})


def _name(ends: Ends, options: Options) -> Converter:
    if "part" not in options and "full" not in options:
        return Name(ends)
    part = _one_of(options, "part", NAME_PARTS)
    return Name(ends, Side(_one_of(options, "full", ("left", "right"))), part)


def _user(ends: Ends, options: Options) -> Converter:
    overrides = _table(options, "users")
    fallback = _fallback(ends, options)
    for side, text in fallback.items():
        user = user_named(ends.users(side), text)
        if ends.users(side) and (user is None or not user.active):
            remedy = "Name a living user of that side by e-mail."
            raise OptionError("fallback", f"{text!r} is no active user of the {side.value} side", remedy)
    return People(ends, {left: rights[0] for left, rights in overrides.items()}, fallback)


def _pick(ends: Ends, options: Options) -> Converter:
    return _choices(Pick, ends, options)


def _several(ends: Ends, options: Options) -> Converter:
    return _choices(Several, ends, options)


def _choices(build: type[Pick], ends: Ends, options: Options) -> Converter:
    if "values" not in options:
        return build(ends, None, _fallback(ends, options))
    tables: dict[Side, dict[str, str]] = {Side.LEFT: {}, Side.RIGHT: {}}
    for left, rights in _table(options, "values").items():
        ours = resolve(ends, Side.LEFT, left)
        for theirs in (resolve(ends, Side.RIGHT, right) for right in rights):
            tables[Side.RIGHT].setdefault(ours, theirs)
            tables[Side.LEFT].setdefault(theirs, ours)
    return build(ends, tables, _fallback(ends, options))


def resolve(ends: Ends, side: Side, text: str) -> str:
    """The stored value of an option given by value or label. Raises OptionError, `text` as option, if there is none."""
    field = ends.type(side)
    found = option_named(field, text)
    if found is None and field is not None and field.options and not field.open_options:
        known = ", ".join(sorted({item.label or item.value for item in field.options})[:12])
        raise OptionError(text, f"{text!r} is not an option of {side.value} {field.name}", f"It has: {known}.")
    return text if found is None else found


def _fallback(ends: Ends, options: Options) -> dict[Side, str]:
    """Per side; a plain text stands for every side where it is known, or for the right one where nothing is known."""
    given = options.get("fallback")
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {_side(name): resolve(ends, _side(name), str(text)) for name, text in given.items()}
    if not isinstance(given, str):
        raise OptionError("fallback", "fallback must be a text", "Or write {left: ..., right: ...}.")
    if any(ends.users(side) for side in Side):
        sides = [side for side in Side if user_named(ends.users(side), given)]
        return dict.fromkeys(sides or [Side.RIGHT], given)
    listed = {side: found for side in Side if (found := option_named(ends.type(side), given))}
    return listed or {Side.RIGHT: resolve(ends, Side.RIGHT, given)}


def _table(options: Options, name: str) -> dict[str, Sequence[str]]:
    given = options.get(name, {})
    if not isinstance(given, Mapping):
        raise OptionError(name, f"{name} must be a table", "Write {left value: right value}.")
    found = {left: [right] if isinstance(right, str) else right for left, right in given.items()}
    for left, rights in found.items():
        if not isinstance(rights, Sequence) or not rights or not all(isinstance(right, str) for right in rights):
            raise OptionError(left, f"{left!r} needs a value of the right side, or a list of them")
    return found


def _side(name: str) -> Side:
    if name not in {"left", "right"}:
        raise OptionError(name, f"{name!r} is not a side", "Write left or right.")
    return Side(name)


def _one_of(options: Options, name: str, allowed: Iterable[str]) -> str:
    words = list(allowed)
    found = str(options.get(name, words[0]))
    if found not in words:
        raise OptionError(name, f"{name} is {found!r}", f"It may be {', '.join(words)}.")
    return found


def _plain(kind: Callable[[Ends], Converter]) -> Builder:
    """A builder of a converter without options."""
    return lambda ends, _options: kind(ends)


BUILDERS: Mapping[str, Builder] = {
    "text": _plain(Text),
    "number": _number,
    "money": _plain(lambda ends: Number(ends, MONEY_DECIMALS)),
    "date": _when,
    "datetime": partial(_when, hours=True),
    "email": _plain(Email),
    "phone": _phone,
    "picklist": _pick,
    "multi": _several,
    "user": _user,
    "yes_no": _yes_no,
    "address": _plain(Address),
    "zip": _plain(Zip),
    "name": _name,
    "state": _state,
    "same": _plain(Same),
}
"""Every converter a map may name."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "number": ("decimals",),
    "date": ("zone",),
    "datetime": ("zone",),
    "phone": ("region", "format"),
    "picklist": ("values", "fallback"),
    "multi": ("values", "fallback"),
    "user": ("users", "fallback"),
    "yes_no": ("yes", "no"),
    "name": ("full", "part"),
    "state": ("left", "right"),
}
"""The options each converter takes; one that is not named takes none."""

K = FieldKind
FAMILIES: Sequence[tuple[frozenset[FieldKind], Builder]] = (
    (frozenset({K.TEXT}), _plain(Text)),
    (frozenset({K.USER}), _user),
    (frozenset({K.USER, K.TEXT}), _user),
    (frozenset({K.NUMBER, K.TEXT}), _number),
    (frozenset({K.DATE, K.DATETIME}), _when),
    (frozenset({K.DATE, K.TEXT}), _when),
    (frozenset({K.DATETIME, K.TEXT}), _when),
    (frozenset({K.BOOL, K.TEXT}), _yes_no),
    (frozenset({K.BOOL, K.ENUM}), _yes_no),
    (frozenset({K.BOOL, K.NUMBER}), _yes_no),
    (frozenset({K.ENUM}), _pick),
    (frozenset({K.ENUM, K.TEXT}), _pick),
    (frozenset({K.MULTI}), _several),
    (frozenset({K.MULTI, K.TEXT}), _several),
    (frozenset({K.MULTI, K.ENUM}), _several),
)
"""Which pairs of kinds need no named converter; two equal kinds that are not listed carry values as they are."""
