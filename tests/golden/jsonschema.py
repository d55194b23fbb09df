"""A JSON Schema checker for the words that our own schema uses; an unknown word is an error, never ignored."""

from __future__ import annotations

from typing import Any

TYPES = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}
NOTES = {"$schema", "title", "description", "format"}


def violations(value: Any, schema: dict[str, Any], at: str = "$") -> list[str]:
    """What in a value the schema refuses, by path."""
    found: list[str] = []
    for word, wanted in schema.items():
        if word not in NOTES:
            found += CHECKS[word](value, wanted, at, schema)
    return found


def _type(value: Any, wanted: Any, at: str, _: Any) -> list[str]:
    return (
        [] if any(_is(value, name) for name in ([wanted] if isinstance(wanted, str) else wanted)) else [f"{at}: type"]
    )


def _is(value: Any, name: str) -> bool:
    if name in {"integer", "number"}:
        return not isinstance(value, bool) and isinstance(value, int if name == "integer" else (int, float))
    return isinstance(value, TYPES[name])


def _properties(value: Any, wanted: dict[str, Any], at: str, _: Any) -> list[str]:
    given = value if isinstance(value, dict) else {}
    return [line for key in given.keys() & wanted.keys() for line in violations(given[key], wanted[key], f"{at}.{key}")]


def _additional(value: Any, wanted: Any, at: str, schema: dict[str, Any]) -> list[str]:
    others = [key for key in (value if isinstance(value, dict) else {}) if key not in schema.get("properties", {})]
    if wanted is False:
        return [f"{at}.{key}: unknown" for key in others]
    return [line for key in others for line in violations(value[key], wanted, f"{at}.{key}")]


def _items(value: Any, wanted: Any, at: str, _: Any) -> list[str]:
    given = value if isinstance(value, list) else []
    return [line for index, item in enumerate(given) for line in violations(item, wanted, f"{at}[{index}]")]


def _any_of(value: Any, wanted: Any, at: str, _: Any) -> list[str]:
    return [] if any(not violations(value, option, at) for option in wanted) else [f"{at}: none of the forms"]


CHECKS: dict[str, Any] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": lambda value, wanted, at, _: [line for key in value for line in violations(key, wanted, at)],
    "items": _items,
    "anyOf": _any_of,
    "enum": lambda value, wanted, at, _: [] if value in wanted else [f"{at}: not one of {wanted}"],
    "const": lambda value, wanted, at, _: [] if value == wanted else [f"{at}: not {wanted}"],
    "minimum": lambda value, wanted, at, _: [] if not _is(value, "number") or value >= wanted else [f"{at}: too small"],
    "maximum": lambda value, wanted, at, _: [] if not _is(value, "number") or value <= wanted else [f"{at}: too big"],
    "required": lambda value, wanted, at, _: [f"{at}: lacks {key}" for key in wanted if key not in value],
    "minItems": lambda value, wanted, at, _: [] if len(value) >= wanted else [f"{at}: too short"],
    "minProperties": lambda value, wanted, at, _: [] if len(value) >= wanted else [f"{at}: too few"],
    "maxProperties": lambda value, wanted, at, _: [] if len(value) <= wanted else [f"{at}: too many"],
}
