"""Another key of a system is tried before it takes the old one's place. Not here: the page and the command for it."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.app import App
from syncd.errors import ConfigError
from syncd.lab.stage import RIGHT_KEY, Stage
from syncd.service.keys import From

NEW = "a-new-key-7c1f"


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Both sandboxes; the right one has two more keys."""
    with Stage(folder=tmp_path_factory.mktemp("keys"), rate="1000/1") as stage:
        stage.right.act("key", key=NEW)
        stage.right.act("key", key="of-nobody", profile="none")
        yield stage


@pytest.fixture
def stage(vendors: Stage) -> Iterator[Stage]:
    """The key of the right one is in a file beside the config."""
    written = vendors.config.read_text(encoding="utf-8")
    (vendors.folder / "key").write_text(f"{RIGHT_KEY}\n", encoding="utf-8")
    (vendors.folder / "key").chmod(0o600)
    put(vendors, 'file = "key"')
    yield vendors
    vendors.config.write_text(written, encoding="utf-8")


def put(stage: Stage, source: str) -> None:
    """Have the key of the right system come from there."""
    text = stage.config.read_text(encoding="utf-8")
    changed = re.sub(r"(api_key\s*=\s*)\{.*?\}", rf"\1{{{source}}}", text)
    assert changed != text or source in text
    stage.config.write_text(changed, encoding="utf-8")


def test_a_key_that_its_vendor_takes_is_kept_in_the_place_of_the_old_one(stage: Stage) -> None:
    """Where the old one was, for its owner alone; whoever runs reads it anew, and the next start has it."""
    renewed: list[str] = []
    with App.open(stage.config, environ=stage.environ) as app:
        app.renew = lambda: renewed.append((stage.folder / "key").read_text(encoding="utf-8"))
        assert app.keys.change("jobnimbus", f"  {NEW}\n") is From.SOON
    assert renewed == [f"{NEW}\n"]
    assert stat.S_IMODE((stage.folder / "key").stat().st_mode) == 0o600
    with App.open(stage.config, environ=stage.environ) as app:
        assert app.config.systems["jobnimbus"].secret == NEW
        assert app.keys.change("jobnimbus", RIGHT_KEY) is From.START


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("a-wrong-key-51ab", "jobnimbus: API key"), ("of-nobody", "jobnimbus"), ("", "is empty"), (" \n", "is empty"),
        ("two words", "no key has"), ("\u201cquoted\u201d", "no key has"), (RIGHT_KEY, "has already"),
    ],
)  # fmt: skip
def test_what_is_no_key_of_the_system_changes_nothing(stage: Stage, typed: str, told: str) -> None:
    """The error says what is wrong and what to do, and never the key."""
    with App.open(stage.config, environ=stage.environ) as app, pytest.raises(ConfigError) as raised:
        app.keys.change("jobnimbus", typed)
    assert told in str(raised.value) and all(problem.remedy for problem in raised.value.problems)
    assert not typed.strip() or typed not in str(raised.value)
    assert (stage.folder / "key").read_text(encoding="utf-8") == f"{RIGHT_KEY}\n"
    assert sorted(path.name for path in stage.folder.iterdir() if "key" in path.name) == ["key"]


def test_a_key_from_the_environment_is_not_for_syncd_to_change(stage: Stage) -> None:
    """It says which variable, and what to do."""
    with App.open(stage.config, environ=stage.environ) as app:
        with pytest.raises(ConfigError, match="lies where syncd may not write: the environment variable"):
            app.keys.change("hubspot", NEW)
        with pytest.raises(ConfigError, match="Known: hubspot, jobnimbus"):
            app.keys.change("salesforce", NEW)


@pytest.mark.parametrize("handed", [False, True])
def test_a_credential_is_kept_where_the_service_manager_has_it_from(stage: Stage, tmp_path: Path, handed: bool) -> None:
    """Handed over at the start, it is so anew at the next; in a shell it is read by a reload."""
    put(stage, 'credential = "right"')
    kept = stage.folder / "credentials" / "right"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(RIGHT_KEY, encoding="utf-8")
    kept.chmod(0o600)
    (tmp_path / "right").write_text(RIGHT_KEY, encoding="utf-8")
    environ = {**stage.environ, **({"CREDENTIALS_DIRECTORY": str(tmp_path)} if handed else {})}
    with App.open(stage.config, environ=environ) as app:
        app.renew = lambda: None
        assert app.keys.change("jobnimbus", NEW) is (From.START if handed else From.SOON)
    assert kept.read_text(encoding="utf-8") == f"{NEW}\n"
    assert (tmp_path / "right").read_text(encoding="utf-8") == RIGHT_KEY


def test_a_file_that_names_another_source_by_now_is_not_guessed_at(stage: Stage) -> None:
    """Somebody is at the set-up: that is told."""
    with App.open(stage.config, environ=stage.environ) as app:
        text = stage.config.read_text(encoding="utf-8")
        stage.config.write_text(text.replace("[systems.jobnimbus]", "[systems.other]"), encoding="utf-8")
        with pytest.raises(ConfigError, match="is not as syncd read it"):
            app.keys.change("jobnimbus", NEW)
