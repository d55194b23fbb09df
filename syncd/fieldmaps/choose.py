"""Which converter a rule uses: named, implied by its shorthands, or asked for by the two fields.

What is not here: the converters (`syncd.core.values`).
"""

from __future__ import annotations

from typing import Any

from syncd.core.fieldmap import Converter
from syncd.core.model import FieldKind, Side
from syncd.core.values import BUILDERS, OPTIONS, Ends, OptionError, Options, converter, default
from syncd.fieldmaps.form import Form
from syncd.fieldmaps.source import Item, Place, Scalar, Table, nearest

SHORTHANDS = ("values", "fallback")


def choose(form: Form, ends: Ends, *, plain: bool) -> tuple[str | None, Converter]:
    """The rule's converter and its name. What is wrong is reported, and `same` stands in.

    `plain`: the rule has no value to convert (an expression, a receipt).
    """
    name, options, places = _named(form, ends)
    try:
        if name is not None and name in BUILDERS:
            return name, converter(name, ends, options)
        found = converter("same", ends) if plain else default(ends)
        if found is not None and name is None:
            return None, found
        if name is None:
            kinds = f"{ends.kind(Side.LEFT).value} on the left and {ends.kind(Side.RIGHT).value} on the right"
            form.report.error(form.table.place, f"No conversion is known between {kinds}.", "Name one: `convert`.")
    except OptionError as error:
        form.report.error(places.get(error.option, form.at("convert")), f"{error.message}.", error.remedy)
    return name, converter("same", ends)


def _named(form: Form, ends: Ends) -> tuple[str | None, Options, dict[str, Place]]:
    """The converter's name, its options as plain data, and the place of every word in them."""
    item = form.item("convert")
    name: str | None = None
    options: dict[str, Any] = {}  # plain data; the builders check its shape
    places: dict[str, Place] = {}
    if isinstance(item, Table) and len(item.entries) == 1:
        ((name, inner),) = item.entries.items()
        given = Form.of(inner, item.place, form.report, name)
        given.only(OPTIONS.get(name, ()), f"Converter {name}")
        options = {key: value.plain for key, value in given.table.entries.items()}
        _places(inner, places)
    elif item is not None:
        scalar = form.scalar("convert")
        name = scalar.text if scalar else None
    for key in SHORTHANDS:
        if form.has(key):
            options[key] = form.table.entries[key].plain
            _places(form.table, places)
    name = name or (_implied(ends) if options else None)
    if name is not None and name not in BUILDERS:
        form.report.error(form.at("convert"), f"There is no converter {name!r}.", nearest(name, BUILDERS))
    for key in SHORTHANDS:
        if form.has(key) and name in BUILDERS and key not in OPTIONS.get(name or "", ()):
            form.report.error(form.table.keys[key], f"Converter {name} takes no {key}.")
            options.pop(key)
    return name, options, places


def _implied(ends: Ends) -> str:
    kinds = {ends.kind(side) for side in Side}
    return "user" if FieldKind.USER in kinds else "multi" if FieldKind.MULTI in kinds else "picklist"


def _places(item: Item, places: dict[str, Place]) -> None:
    """Every key and text in an item, to find the place of what a converter complains of."""
    if isinstance(item, Table):
        for key, value in item.entries.items():
            places.setdefault(key, item.keys[key])
            _places(value, places)
    elif isinstance(item, Scalar):
        if item.text is not None:
            places.setdefault(item.text, item.place)
    else:
        for each in item.items:
            _places(each, places)
