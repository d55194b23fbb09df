"""What must not be in a checkout: registries' hosts, paths of somebody's machine, secrets, lists of addresses."""

from __future__ import annotations

import re

from tests.house.tree import ROOT, files

# Written in pieces, or this file would find itself.
HOSTS = [
    host.replace("!", ".")
    for host in ("pypi!org", "pythonhosted!org", "registry!npmjs", "deb!debian", "crates!io", "proxy!golang")
]
MACHINE = re.compile(r"(?<![\w.}/-])/(?:ro" + r"ot|wo" + r"rk|home/\w+|Users/\w+)/")
SIBLING = re.compile(r"\.\./sha" + r"red")
SECRET = re.compile(r"pat-(?:na|eu)\d-[0-9a-f]{8}-[0-9a-f]{4}-|-----BEGIN [A-Z ]*PRIVATE KEY")


def _lines() -> list[tuple[str, str]]:
    """Every line of every text file, with its place."""
    lines = []
    for path in files():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        lines += [(f"{path}:{number}", line) for number, line in enumerate(text.splitlines(), start=1)]
    return lines


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is the machine's business; requirements/ holds names, versions and hashes alone."""
    assert [place for place, line in _lines() if any(host in line for host in HOSTS)] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    """Nothing points into somebody's home, or out of the checkout."""
    assert [place for place, line in _lines() if MACHINE.search(line) or SIBLING.search(line)] == []


def test_no_file_holds_a_key() -> None:
    """No vendor key and no private key is kept, not even an old one."""
    assert [place for place, line in _lines() if SECRET.search(line)] == []


def test_no_lock_file_with_addresses_is_kept() -> None:
    """uv.lock names a registry on every line, so it stays with the developer; the exported lists are kept."""
    assert "uv.lock" not in {path.name for path in files()}
