"""YAML maps: finding, reading, checking and compiling them, and running their tests.

What is not here: deciding with them (`syncd.core.plan`).
"""

from syncd.fieldmaps.library import find, find_all, names, shipped, tests_of
from syncd.fieldmaps.maps import Loaded, kinds, load, read
from syncd.fieldmaps.pairs import check, load_pair
from syncd.fieldmaps.schemas import load_schemas, schema_of

__all__ = [
    "Loaded",
    "check",
    "find",
    "find_all",
    "kinds",
    "load",
    "load_pair",
    "load_schemas",
    "names",
    "read",
    "schema_of",
    "shipped",
    "tests_of",
]
