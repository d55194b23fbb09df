"""Every error, setting, verb, converter, map key and log event is in the documentation, and what is told is true."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd import errors
from syncd.config import model as config
from syncd.config.load import COMMON, HOOK, VARIABLE, variables
from syncd.core.values import BUILDERS, OPTIONS
from syncd.engine import item
from syncd.fieldmaps import maps, rules
from syncd.kit import registry
from syncd.kit.sandbox import ControlError
from tests.house.tree import ROOT, files, page, parsed, python, section

sys.path.insert(0, str(ROOT / "tools"))
import reference

TABLES = {
    "[syncd]": config.StoreConfig,
    "[web]": config.WebConfig,
    "[console]": config.ConsoleConfig,
    "[log]": config.LogConfig,
    "[pairs.NAME]": config.PairTable,
    "[audit]": config.AuditConfig,
    "[alerts]": config.AlertsConfig,
    "[retention]": config.RetentionConfig,
    "[timing]": config.TimingConfig,
}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def _errors() -> list[type[errors.SyncdError]]:
    """Every error class we raise."""
    return [
        found
        for found in vars(errors).values()
        if inspect.isclass(found) and issubclass(found, errors.SyncdError) and found.__module__ == errors.__name__
    ]


@pytest.mark.parametrize("error", [error for error in _errors() if error is not errors.SyncdError])
def test_every_error_says_what_syncd_does_and_what_you_do(error: type[errors.SyncdError]) -> None:
    """The table of errors has a full row for each class, and the table of exit codes has its code."""
    text = page("reference/errors.md")
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{error.__name__}` |")]
    assert all(cell.strip() for cell in row.strip("|").split("|"))
    codes = section(text, "## Exit codes").splitlines()
    assert [line for line in codes if line.startswith(f"| {error.exit_code} |") and f"`{error.__name__}`" in line]


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_is_documented(table: str) -> None:
    """Each key of each table of config.toml stands in that table's section."""
    text = section(page("reference/configuration.md"), f"## `{table}`")
    names = [field.name for field in dataclasses.fields(TABLES[table])]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_guard_and_system_setting_is_documented() -> None:
    """The keys inside `guard`, and those that every `[systems.NAME]` table has, stand in their sections."""
    text = page("reference/configuration.md")
    pairs, systems = section(text, "## `[pairs.NAME]`"), section(text, "## `[systems.NAME]`")
    assert [field.name for field in dataclasses.fields(config.Guard) if f"`{field.name}`" not in pairs] == []
    assert [name for name in (*COMMON, HOOK) if f"`{name}`" not in systems] == []


def test_every_environment_variable_is_documented() -> None:
    """Each variable that stands over the file is named with its setting."""
    text = section(page("reference/configuration.md"), "## Environment variables")
    wanted = {VARIABLE, *variables()}
    assert [name for name in wanted if f"`{name}`" not in text] == []


def test_every_timing_default_is_true() -> None:
    """The defaults that the page tells for [timing] are those of the code."""
    text = section(page("reference/configuration.md"), "## `[timing]`")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    told = {row[1].strip(" `"): row[2].strip(' `"') for row in rows}
    defaults = config.TimingConfig()
    read = tomllib.loads("\n".join(f'{name} = "{value}"' for name, value in told.items()))
    assert {field.name for field in dataclasses.fields(defaults)} == set(read)
    for name, value in read.items():
        default = getattr(defaults, name)
        assert (int(value) if isinstance(default, int) else config.values.duration(value)) == default


@pytest.mark.parametrize("name", registry.connectors())
def test_every_connector_is_documented(name: str) -> None:
    """A connector's credential, kinds and own settings stand in its section."""
    connector = registry.connector(name)
    text = section(page("reference/connectors.md"), f"## {name}")
    words = [connector.secret_name, *connector.kinds, *(setting.name for setting in connector.settings)]
    assert [word for word in words if f"`{word}`" not in text] == []


def test_the_page_of_verbs_is_what_the_commands_say() -> None:
    """docs/reference/cli.md is what `make reference` would write now, so no verb and no option is missing."""
    assert page("reference/cli.md") == reference.text(), "run `make reference`"


def test_every_verb_says_what_it_is_for() -> None:
    """No command and no option is without a word of help."""
    verbs = reference.verbs()
    assert [name for name, verb in verbs.items() if not verb.help] == []
    silent = [f"{name} {one.name}" for name, verb in verbs.items() for one in verb.params if not one.help]
    assert [name for name in silent if not name.endswith(" help")] == []


def test_every_key_of_a_map_is_documented() -> None:
    """The keys of a map, its ends, rules and relations, their closed words, and every converter stand in the page."""
    text = page("reference/maps.md")
    words = {*maps.MAP_KEYS, *maps.END_KEYS, *maps.AUTOMATIONS, *maps.DELETES, *maps.LANES}
    words |= {*rules.RULE_KEYS, *rules.RELATION_KEYS, *rules.RECEIPTS, *BUILDERS}
    words |= {option for options in OPTIONS.values() for option in options}
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []


def test_every_log_event_is_documented() -> None:
    """What the log may say is a closed list: each event is a literal in the code, and stands in the page of the log."""
    text = page("reference/logs.md")
    assert [place for place, event in _events() if event is None] == [], "an event must be a literal"
    assert [f"{place} {event}" for place, event in _events() if f"| `{event}` |" not in text] == []


def test_every_cause_of_parking_is_documented() -> None:
    """A record rests for one of a closed list of causes, and the page of parked records explains each."""
    text = section(page("how-to/parked.md"), "## Causes")
    causes = {cause for path in python("syncd/engine/") for cause in _causes(path)}
    assert causes
    assert [cause for cause in sorted(causes) if f"| `{cause}` |" not in text] == []


def test_every_word_of_the_glossary_is_unique() -> None:
    """The glossary explains each word once."""
    words = [line.split("|")[1].strip() for line in page("glossary.md").splitlines() if line.startswith("| ")]
    assert len(words) == len(set(words))


def test_every_page_is_in_the_navigation() -> None:
    """No page is written that nobody can find."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [path.relative_to("docs") for path in files() if path.parts[0] == "docs" and path.suffix == ".md"]
    assert [str(path) for path in pages if str(path) not in navigation] == []


def _events() -> Iterator[tuple[str, str | None]]:
    """Every call of a logger: its place and its event, None where it is not a literal."""
    for path in python("syncd/", "connectors/"):
        for node in ast.walk(parsed(path)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
                continue
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if name.strip("_").lower() in {"log", "logger"} and node.args:
                first = node.args[0]
                literal = isinstance(first, ast.Constant) and isinstance(first.value, str)
                yield f"{path}:{node.lineno}", first.value if literal else None


def _causes(path: Path) -> Iterator[str]:
    """Every cause that a file parks records with, at once or after a day of trying."""
    for node in ast.walk(parsed(path)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
            continue
        counts = not any(one.arg == "count" for one in node.keywords)
        if node.func.id == "park" or (node.func.id == "again" and counts):
            yield from _constants(node.args[0])


def _constants(node: ast.expr) -> Iterator[str]:
    """The texts that an expression can be: itself, what a name of `engine.item` says, or either branch of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Name) and isinstance(named := getattr(item, node.id, None), str):
        yield named
    elif isinstance(node, ast.IfExp):
        yield from (*_constants(node.body), *_constants(node.orelse))


def test_every_act_of_the_salesforce_sandbox_is_documented() -> None:
    """What an unknown act is answered with names the known ones; its section has each, or that of lost access."""
    with pytest.raises(ControlError) as caught:
        registry.sandbox("salesforce")().act({"do": "nonsense"})
    acts = str(caught.value).rpartition(" are ")[2].split(", ")
    told = page("reference/sandboxes.md")
    text = section(told, "## Salesforce") + section(told, "## Lost access")
    assert "convert" in acts and [one for one in acts if f"`{one}`" not in text] == []
