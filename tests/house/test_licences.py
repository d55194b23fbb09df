"""LICENSE is the whole of Apache-2.0, and NOTICE tells of every package that comes with an installation."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError

from tests.house.tree import ROOT, files

sys.path.insert(0, str(ROOT / "tools"))
import notice


def test_the_licence_is_the_full_text() -> None:
    """LICENSE holds Apache-2.0 from its title to its end, and pyproject.toml says the same."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_notice_tells_every_package_and_its_licence() -> None:
    """For each locked package NOTICE has one line with the licence that its installed metadata tells, and no other."""
    told = (ROOT / "NOTICE").read_text(encoding="utf-8").removeprefix(notice.HEAD).splitlines()
    assert [line.split(":")[0] for line in told] == notice.required(), "run `make lock`"
    for line in told:
        try:
            assert line == notice.line(line.split(":")[0])
        except PackageNotFoundError:
            continue  # needed on another platform or Python only


def test_no_package_forbids_shipping() -> None:
    """No dependency is under a licence that would reach over to syncd itself (GPL, AGPL) or forbid commercial use."""
    told = (ROOT / "NOTICE").read_text(encoding="utf-8").removeprefix(notice.HEAD).splitlines()
    licences = {line.split(": ", maxsplit=1)[0]: line.split(": ", maxsplit=1)[1] for line in told}
    words = {name: said.replace("LGPL", "").upper() for name, said in licences.items()}
    assert [name for name, said in words.items() if "GPL" in said or "NONCOMMERCIAL" in said.replace("-", "")] == []


def test_every_shipped_script_has_its_license_beside_it() -> None:
    """A script by somebody else that lies in the package is named in the LICENSES.txt of its folder."""
    scripts = [path for path in files() if path.parts[0] == "syncd" and path.name.endswith(".min.js")]
    told = {path: (ROOT / path.parent / "LICENSES.txt").read_text(encoding="utf-8") for path in scripts}
    assert [path for path, text in told.items() if path.name not in text] == []
