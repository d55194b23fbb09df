"""Whatever stands in a map or a set-up, it is read, or refused with places and remedies; nothing else is raised.

Not here: vendors' answers (`test_answers`).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from syncd import config
from syncd.config import SystemShape
from syncd.core.model import Side
from syncd.errors import ConfigError
from syncd.fieldmaps import load_pair
from syncd.fieldmaps.library import shipped
from syncd.fieldmaps.schemas import load_schemas, schema_of
from syncd.kit import registry
from tests.house.tree import ROOT

SHORT, LONG = 80, 2500
MAPS = ("contacts", "deals-jobs")
SYSTEMS = {Side.LEFT: "hubspot", Side.RIGHT: "jobnimbus"}
ODD = (
    "null", "~", "[]", "{}", "''", "-1", "1e999", ".nan", ".inf", "true", "2026-13-45", "!!python/object:os.system x",
    "!!binary abc", "&a [*a]", "*nobody", "{? [a]: b}", "'" + "x" * 3000 + "'", "9" * 400, "[" * 400 + "]" * 400, "- -",
    "\u2028", "\x07", "\\ud83d", "'\\0'", "<<: {a: 1}", "left.a.b.c ==", "((((((", "left[", "'%s' % left", "? ",
    '"""', "[[x]]", "{a = 1}", "nan", "inf", "0x", "1979-05-27T07:32:00", "'''", "left: right: x", "|", ">", "@", "`",
)  # fmt: skip
"""What may stand in the place of a word: of other kinds, YAML's and TOML's own tricks, endless, or nothing at all."""

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
"""A few lines that would unfold to a billion words."""

WHOLE = (
    "", "\x00", "\xef\xbb\xbf", "[" * 3000, "{a: " * 3000, "- " * 3000 + "x", "a: 1\na: 2", "---\n---\n", BOMB, "🦊",
)  # fmt: skip


def spoilt(dice: random.Random, text: str) -> str:
    """The text with some of it changed, moved, doubled, or gone."""
    if dice.random() < 0.03:
        return dice.choice(WHOLE)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        text = dice.choice((_word, _word, _word, _letter, _line, _indent, _cut))(dice, text)
    return text


def _word(dice: random.Random, text: str) -> str:
    """Something else where a word stood."""
    words = [part for part in text.replace(",", " ").split() if len(part) > 1]
    return text.replace(dice.choice(words), dice.choice(ODD), 1) if words else dice.choice(ODD)


def _letter(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text) + 1)
    return text[:at] + dice.choice("{}[]:,'\"&*!|>%@`#-?=\\\t\n\x00\ufeff☃") + text[at + dice.randrange(2) :]


def _line(dice: random.Random, text: str) -> str:
    """A line twice, elsewhere, or not at all."""
    lines = text.split("\n")
    line = lines.pop(dice.randrange(len(lines)))
    for _ in range(dice.randrange(3)):
        lines.insert(dice.randrange(len(lines) + 1), line)
    return "\n".join(lines)


def _indent(dice: random.Random, text: str) -> str:
    lines = text.split("\n")
    at = dice.randrange(len(lines))
    lines[at] = dice.choice(("  ", "\t", "    ")) + lines[at] if dice.random() < 0.5 else lines[at].lstrip()
    return "\n".join(lines)


def _cut(dice: random.Random, text: str) -> str:
    return text[: dice.randrange(len(text) + 1)]


def read_all(count: int, seed: int, text: str, read: Callable[[str], object]) -> Counter[str]:
    """Read so many spoilt texts; how many were taken, and how many refused with all they need to be mended."""
    dice, found = random.Random(seed), Counter[str]()
    for number in range(count):
        made = spoilt(dice, text)
        try:
            read(made)
            found["read"] += 1
        except ConfigError as error:
            found["refused"] += 1
            if not all(one.place and one.message for one in error.problems) or "object at 0x" in str(error):
                raise AssertionError(f"nobody can mend that: {error}") from error
        except Exception as error:
            raise AssertionError(f"text {number} of seed {seed}: {type(error).__name__}:\n{made[:3000]}") from error
    return found


def read_maps(count: int, folder: Path) -> None:
    """Both shipped maps, spoilt."""
    beside = shipped() / "hubspot-jobnimbus"
    schemas = load_schemas(beside / "schemas.yaml", SYSTEMS)
    for seed, name in enumerate(MAPS):
        files = [folder / f"{one}.yaml" for one in MAPS[: seed + 1]]
        for file in files:
            file.write_text((beside / file.name).read_text(encoding="utf-8"), encoding="utf-8")

        def read(text: str, files: list[Path] = files) -> object:
            files[-1].write_bytes(text.encode("utf-8", errors="surrogatepass"))
            return load_pair(files, pair="p", systems=SYSTEMS, describe=partial(schema_of, schemas))

        found = read_all(count, seed, (beside / f"{name}.yaml").read_text(encoding="utf-8"), read)
        print(f"map {name}: {dict(found)}")
        assert found["read"] > 0 and found["refused"] > 0


def read_setups(count: int, folder: Path) -> None:
    """The example of a set-up, spoilt."""
    file = folder / "config.toml"
    shapes = {name: SystemShape(one.secret_name, one.settings) for name in registry.connectors()
              if (one := registry.connector(name))}  # fmt: skip
    environ = {"HUBSPOT_TOKEN": "x" * 20, "JOBNIMBUS_API_KEY": "y" * 20}

    def read(text: str) -> object:
        file.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        return config.load(file, environ, known=shapes)

    found = read_all(count, 7, (ROOT / "config.example.toml").read_text(encoding="utf-8"), read)
    print(f"set-up: {dict(found)}")
    assert found["read"] > 0 and found["refused"] > 0


def test_spoilt_maps_are_read_or_refused(tmp_path: Path) -> None:
    """A map with anything at all in it compiles, or is refused with places."""
    read_maps(SHORT, tmp_path)


def test_spoilt_setups_are_read_or_refused(tmp_path: Path) -> None:
    """A set-up with anything at all in it is read, or refused with places."""
    read_setups(2 * SHORT, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_ten_thousand_spoilt_files_are_read_or_refused(tmp_path: Path) -> None:
    """The same, ten thousand times."""
    read_maps(LONG, tmp_path)
    read_setups(2 * LONG, tmp_path)
