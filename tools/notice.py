"""Write NOTICE: who made syncd, and the licence of every package that an installation of it brings along.

Facts come from the installed packages' own metadata; `tests/house/test_licences.py` holds NOTICE to them.
What is not here: packages used for development only; they are not shipped.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements" / "postgres.txt"
NOTICE = ROOT / "NOTICE"
HEAD = """\
syncd
Copyright 2026 The syncd authors

This product is licensed under the Apache License, Version 2.0; see the file LICENSE.

syncd is shipped without the packages below: installing it fetches them, unchanged, from where their authors publish
them. Each stays under its own licence. Those under the LGPL are used as libraries that anybody can replace by another
version.

Shipped inside, unchanged: the scripts in syncd/lab/page/static; the file LICENSES.txt beside them holds their licenses.

"""
# Where a package's metadata says only "see the file": what that file says.
SAID_IN_FILE = {
    "usaddress-scourgify": "MIT",
    "yaml-config": "MIT",
}


def required() -> list[str]:
    """The names in requirements/postgres.txt, the largest installation, each once, in order."""
    names = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", REQUIREMENTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return list(dict.fromkeys(names))


def licence(package: Distribution) -> str:
    """The licence in one line: the SPDX expression, else the short licence field, else the classifiers."""
    about = package.metadata
    name = about["Name"].lower().replace("_", "-")
    first = {key: (about.get_all(key) or [""])[0].strip() for key in ("License-Expression", "License")}
    said = first["License-Expression"] or SAID_IN_FILE.get(name) or first["License"]
    if said and said != "UNKNOWN" and "\n" not in said and len(said) <= 60:
        return said
    classes = [line.rsplit(" :: ", 1)[-1] for line in about.get_all("Classifier") or () if line.startswith("License")]
    if not classes:
        raise SystemExit(f"notice: {name} tells no licence; read its files and add it to SAID_IN_FILE")
    return ", ".join(classes)


def line(name: str) -> str:
    """One package's line of NOTICE. PackageNotFoundError when it is not installed."""
    return f"{name}: {licence(distribution(name))}"


def text(before: str) -> str:
    """The whole of NOTICE, from the packages installed here; one of another platform keeps the line it had before."""
    told = {one.partition(":")[0]: one for one in before.removeprefix(HEAD).splitlines()}
    lines = []
    for name in required():
        try:
            lines.append(line(name))
        except PackageNotFoundError:
            if name not in told:
                raise
            lines.append(told[name])
    return HEAD + "\n".join(lines) + "\n"


def main() -> None:
    """Write NOTICE."""
    try:
        NOTICE.write_text(text(NOTICE.read_text(encoding="utf-8")), encoding="utf-8")
    except PackageNotFoundError as missing:
        sys.exit(f"notice: {missing.name} is not installed, and its line is not known; run make setup first")


if __name__ == "__main__":
    main()
