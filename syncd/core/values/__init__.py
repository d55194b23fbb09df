"""Converters: one field's value between the two sides, its key for matching, and when two values mean the same.

What is not here: which rule uses which (`syncd.fieldmaps`), and a vendor's wire forms (connectors translate those).
"""

from syncd.core.values.base import Ends, blank, plain
from syncd.core.values.build import BUILDERS, OPTIONS, OptionError, Options, converter, default, resolve
from syncd.core.values.choices import option_named, user_named

__all__ = [
    "BUILDERS",
    "OPTIONS",
    "Ends",
    "OptionError",
    "Options",
    "blank",
    "converter",
    "default",
    "option_named",
    "plain",
    "resolve",
    "user_named",
]
