"""syncd keeps the records of a CRM and of a contractor's system equal, both ways, for months, unattended."""

from typing import Final

VERSION: Final = "0.1.0"
"""The version of the package; `tests/cli` holds it equal to the packaging's."""
