"""What `syncd init` writes: the text of a config.toml from a few answers.

What is not here: asking (`setup`) and checking (`syncd.config`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemAnswers:
    """What is asked about one system. `secret_name` is the connector's word for its secret.

    `source`, `place`: where that is: in an environment variable (env) or a credential of this name. `options`: what
    this connector needs besides.
    """

    name: str
    connector: str
    secret_name: str
    source: str
    place: str
    base_url: str | None = None
    timezone: str | None = None
    options: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Everything `syncd init` needs to know."""

    pair: str
    left: SystemAnswers
    right: SystemAnswers
    maps: Sequence[str]
    store: str = "sqlite:///syncd.db"


def config_text(answers: Answers) -> str:
    """The whole config.toml: what was answered, and hints for the rest. A pair begins in mode plan."""
    maps = ", ".join(_quoted(name) for name in answers.maps)
    return "\n".join(
        [
            "# `syncd check` names every mistake with its line; all settings: config.example.toml.",
            "",
            "[syncd]",
            f"store = {_quoted(answers.store)}",
            "",
            *_system(answers.left),
            *_system(answers.right),
            f"[pairs.{_quoted(answers.pair) if not answers.pair.isalnum() else answers.pair}]",
            f"left = {_quoted(answers.left.name)}",
            f"right = {_quoted(answers.right.name)}",
            f"maps = [{maps}]",
            'every = "30s"',
            'mode = "plan"   # shows what it would do and writes nothing; when `syncd plan` looks right: "live"',
            "",
        ]
    )


def _system(system: SystemAnswers) -> list[str]:
    lines = [
        f"[systems.{system.name}]",
        f"connector = {_quoted(system.connector)}",
        *(f"{name} = {_literal(value)}" for name, value in system.options.items()),
        f"{system.secret_name} = {{{system.source} = {_quoted(system.place)}}}",
    ]
    if system.timezone:
        lines.append(f"timezone = {_quoted(system.timezone)}   # for dates without a zone")
    if system.base_url:
        lines.append(f"base_url = {_quoted(system.base_url)}")
    return [*lines, ""]


def _literal(value: str | int | bool) -> str:
    return _quoted(value) if isinstance(value, str) else str(value).lower()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
