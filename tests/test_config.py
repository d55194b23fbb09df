"""The set-up as people write it: what a good file becomes, and what each mistake says. Not here: the command line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.config import Config, SystemShape, TimingConfig, find, load, variables
from syncd.errors import ConfigError, Problem
from syncd.kit.connector import Timing
from syncd.kit.limits import parse_rates

ROOT = Path(__file__).parent.parent
SECRETS = {"HUBSPOT_TOKEN": "hub-secret-1", "JOBNIMBUS_API_KEY": "job-secret-2"}
GOOD = """\
[syncd]
store = "sqlite:///data/syncd.db"

[systems.hubspot]
connector = "hubspot"
token = {env = "HUBSPOT_TOKEN"}

[systems.jobnimbus]
connector = "jobnimbus"
api_key = {env = "JOBNIMBUS_API_KEY"}
actor = "sync@example.com"

[pairs.sales]
left = "hubspot"
right = "jobnimbus"
maps = ["hubspot-jobnimbus/contacts.yaml"]
"""


@dataclass(frozen=True)
class Key:
    """A connector's own setting, as a connector declares it."""

    name: str
    type: type
    default: Any


KNOWN = {
    "hubspot": SystemShape("token", webhooks=True, signs_url=True),
    "jobnimbus": SystemShape("api_key", (Key("actor", str, None), Key("page", int, 100)), webhooks=True),
    "deaf": SystemShape("key"),
}


def read(folder: Path, text: str = GOOD, environ: dict[str, str] | None = None) -> Config:
    """Load a text as config.toml in a folder."""
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, SECRETS if environ is None else environ, known=KNOWN)


def mistakes(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[Problem]:
    """What is wrong with a text."""
    with pytest.raises(ConfigError) as caught:
        read(folder, text, environ)
    return list(caught.value.problems)


def mistake(folder: Path, old: str, new: str) -> Problem:
    """The one mistake that a change of the good file makes."""
    assert old in GOOD
    (found,) = mistakes(folder, GOOD.replace(old, new))
    return found


def test_a_good_file_becomes_a_config(tmp_path: Path) -> None:
    """A small file is enough: secrets are resolved, paths are absolute, and everything else has its default."""
    config = read(tmp_path)
    assert config.store == f"sqlite:///{tmp_path}/data/syncd.db"
    assert config.maps == tmp_path / "mappings"
    assert config.systems["hubspot"].secret == "hub-secret-1"
    assert dict(config.systems["jobnimbus"].options) == {"actor": "sync@example.com", "page": 100}
    assert config.pairs["sales"].mode == "plan"
    assert config.pairs["sales"].every == timedelta(seconds=30)
    assert config.pairs["sales"].guard.deletes == 10


def test_the_example_is_a_good_file() -> None:
    """config.example.toml loads as it is."""
    assert set(load(ROOT / "config.example.toml", SECRETS, known=KNOWN).pairs) == {"sales"}


def test_the_example_shows_every_timing(tmp_path: Path) -> None:
    """The example names every setting of [timing], and what it shows is the true default."""
    head, timing = (ROOT / "config.example.toml").read_text(encoding="utf-8").split("[timing]\n")
    shown = [line.removeprefix("# ") for line in timing.splitlines()]
    assert {line.split(" = ")[0] for line in shown} == {item.name for item in fields(TimingConfig)}
    assert read(tmp_path, "\n".join([head, "[timing]", *shown])).timing == TimingConfig()


def test_connector_timings_have_one_default() -> None:
    """Every duration a connector works with is a setting, with the default that the kit has."""
    ours, theirs = TimingConfig(), Timing()
    assert {item.name: getattr(ours, item.name) for item in fields(Timing)} == {
        item.name: getattr(theirs, item.name) for item in fields(Timing)
    }


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Mistakes in five tables come together, in the order of their lines."""
    text = (
        GOOD.replace("store =", "stoer =").replace('connector = "hubspot"', 'connector = "hubspt"')
        + 'every = 30\nguard = {creats = 1}\n[timing]\nlease = "soon"\n'
    )
    found = mistakes(tmp_path, text)
    assert [problem.place.rpartition(":")[2] for problem in found] == ["1", "2", "5", "17", "18", "20"]
    assert [problem.message.split("`")[1] for problem in found] == [
        "syncd.store",
        "syncd.stoer",
        "systems.hubspot.connector",
        "pairs.sales.every",
        "pairs.sales.guard.creats",
        "timing.lease",
    ]
    assert all(problem.remedy for problem in found)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('token = {env = "HUBSPOT_TOKEN"}', 'token = "pat-na1-123"', 6, "plain text"),
        ('token = {env = "HUBSPOT_TOKEN"}', "token = {env = 1}", 6, "does not say where"),
        ('token = {env = "HUBSPOT_TOKEN"}', 'token = {env = "NOPE"}', 6, "environment variable NOPE"),
        ('token = {env = "HUBSPOT_TOKEN"}', 'token = {file = "nope"}', 6, "not there"),
        ('token = {env = "HUBSPOT_TOKEN"}', 'token = {credential = "nope"}', 6, "credentials/nope"),
        ('token = {env = "HUBSPOT_TOKEN"}', 'token = {credential = "../x"}', 6, "not the name of a credential"),
        ('actor = "sync@example.com"', "actr = 1", 11, "Did you mean `actor`?"),
        ('actor = "sync@example.com"', 'timezone = "Chicago"', 11, "not a time zone"),
        ('actor = "sync@example.com"', 'base_url = "http://example.com"', 11, "https"),
        ('actor = "sync@example.com"', 'rate = "fast"', 11, "not a rate"),
        ('actor = "sync@example.com"', 'ca_file = "nope.pem"', 11, "not there"),
        ('left = "hubspot"', 'left = "hubspott"', 14, "Did you mean `hubspot`?"),
        ('left = "hubspot"', 'left = "jobnimbus"', 15, "same system"),
        ('["hubspot-jobnimbus/contacts.yaml"]', "[]", 16, "names no map"),
        (
            '["hubspot-jobnimbus/contacts.yaml"]',
            '"hubspot-jobnimbus/contacts.yaml"',
            16,
            'a list, even of one: ["..."]',
        ),
        ("sqlite:///data/syncd.db", "mysql://x", 2, "not a store"),
        ("sqlite:///data/syncd.db", "sqlite:///:memory:", 2, "must name a file"),
        ("[pairs.sales]", "[pairs.Sales]", 13, "not a name"),
        ("[pairs.sales]", f"[pairs.{33 * 's'}]", 13, "at most 32 small letters"),
        ("[pairs.sales]", "[[pairs.sales]]", 13, "should be a table"),
        ("store =", "store", 2, "not valid TOML"),
    ],
)
def test_one_mistake_one_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    """Each mistake is one problem that names its line, what is wrong and what to do."""
    found = mistake(tmp_path, old, new)
    assert found.place.removeprefix(f"{tmp_path}/").split(":")[:2] == ["config.toml", str(line)]
    assert says in f"{found.message} {found.remedy}"


@pytest.mark.parametrize("cut", ["x = [\n", "x = [", "x =", 'x = """\n\n'])
def test_a_file_that_ends_too_early_is_told_with_its_last_line(tmp_path: Path, cut: str) -> None:
    """What TOML misses at the end of a file has no line of its own: the last one is named, and that it may be above."""
    (found,) = mistakes(tmp_path, GOOD + cut)
    assert found.place == f"{tmp_path}/config.toml:{len((GOOD + cut).splitlines())}"
    assert "not valid TOML" in found.message
    assert "or above it" in found.remedy


def test_a_secret_is_never_in_an_error_or_a_repr(tmp_path: Path) -> None:
    """Neither the text of a literal secret nor a resolved one can be read in what is printed."""
    found = mistake(tmp_path, 'token = {env = "HUBSPOT_TOKEN"}', 'token = "pat-na1-123"')
    assert "pat-na1" not in str(found)
    assert "secret-1" not in repr(read(tmp_path))


def test_a_secret_file_must_be_ours_alone(tmp_path: Path) -> None:
    """A key file that others can read is refused with the command that mends it, and read after that."""
    key = tmp_path / "hubspot.key"
    key.write_text("from-file\n", encoding="utf-8")
    key.chmod(0o644)
    text = GOOD.replace('{env = "HUBSPOT_TOKEN"}', '{file = "hubspot.key"}')
    (found,) = mistakes(tmp_path, text)
    assert found.remedy == f"Run: chmod 600 {key}"
    key.chmod(0o600)
    assert read(tmp_path, text).systems["hubspot"].secret == "from-file"


def test_an_empty_secret_is_a_mistake(tmp_path: Path) -> None:
    """A variable of spaces and an empty file are not keys."""
    assert "not set" in mistakes(tmp_path, GOOD, {**SECRETS, "HUBSPOT_TOKEN": "  "})[0].message
    (tmp_path / "empty").touch(mode=0o600)
    found = mistake(tmp_path, '{env = "HUBSPOT_TOKEN"}', '{file = "empty"}')
    assert "empty" in found.message


def test_the_environment_stands_over_the_file(tmp_path: Path) -> None:
    """SYNCD_ variables replace settings, and a wrong one is named instead of a line."""
    assert read(tmp_path, environ={**SECRETS, "SYNCD_LOG_LEVEL": "debug"}).log.level == "debug"
    (found,) = mistakes(tmp_path, GOOD, {**SECRETS, "SYNCD_LOG_LEVEL": "loud"})
    assert found.place == "$SYNCD_LOG_LEVEL"
    assert "SYNCD_STORE" in variables()


def test_the_password_of_a_store_counts_as_a_secret(tmp_path: Path) -> None:
    """What the log must redact includes the database's password."""
    url = "postgresql+psycopg://syncd:db-secret-3@db/syncd"
    config = read(tmp_path, environ={**SECRETS, "SYNCD_STORE": url})
    assert set(config.secrets()) == {"hub-secret-1", "job-secret-2", "db-secret-3"}
    assert "db-secret-3" not in repr(config)


POSTGRESQL = GOOD.replace('store = "sqlite:///data/syncd.db"', 'store = "postgresql+psycopg://syncd@db:5433/syncd"')


def test_the_password_of_a_store_comes_from_where_secrets_are(tmp_path: Path) -> None:
    """It is put into the address, spelt so that it survives there, and both spellings are kept out of the log."""
    text = POSTGRESQL.replace("[systems.hubspot]", 'store_password = {env = "DB"}\n\n[systems.hubspot]', 1)
    config = read(tmp_path, text, {**SECRETS, "DB": "p@ss/w:rd"})
    assert config.store == "postgresql+psycopg://syncd:p%40ss%2Fw%3Ard@db:5433/syncd"
    assert {"p@ss/w:rd", "p%40ss%2Fw%3Ard"} <= set(config.secrets())
    assert "p@ss" not in repr(config) and "p%40ss" not in repr(config)
    given = read(tmp_path, POSTGRESQL, {**SECRETS, "SYNCD_STORE_PASSWORD": "straight"})
    assert given.store == "postgresql+psycopg://syncd:straight@db:5433/syncd"


def test_a_password_in_the_file_is_refused(tmp_path: Path) -> None:
    """In the address or beside it: what to write instead is told, and the password is not."""
    literal = POSTGRESQL.replace("syncd@db", "syncd:db-secret-3@db")
    beside = POSTGRESQL.replace("[systems.hubspot]", 'store_password = "db-secret-3"\n\n[systems.hubspot]', 1)
    for text in (literal, beside):
        (found,) = mistakes(tmp_path, text, SECRETS)
        assert "holds a secret in plain text" in found.message and '{env = "NAME"}' in found.remedy
        assert "db-secret-3" not in str(found)


def test_a_credential_is_handed_over_or_kept_beside_the_config(tmp_path: Path) -> None:
    """Systemd's is taken as it is; without one, the file in `credentials`, which nobody else may read."""
    text = GOOD.replace('{env = "HUBSPOT_TOKEN"}', '{credential = "hubspot_token"}')
    kept, handed = tmp_path / "credentials" / "hubspot_token", tmp_path / "handed" / "hubspot_token"
    for one, word in ((kept, "kept-secret-1\n"), (handed, "handed-secret-2\n")):
        one.parent.mkdir()
        one.write_text(word, encoding="utf-8")
    kept.chmod(0o640)
    (found,) = mistakes(tmp_path, text, SECRETS)
    assert "others can read" in found.message and f"chmod 600 {kept}" in found.remedy
    handed.chmod(0o440)
    systemd = {**SECRETS, "CREDENTIALS_DIRECTORY": str(handed.parent)}
    assert read(tmp_path, text, systemd).systems["hubspot"].secret == "handed-secret-2"
    kept.chmod(0o600)
    assert read(tmp_path, text).systems["hubspot"].secret == "kept-secret-1"
    handed.unlink()
    assert read(tmp_path, text, systemd).systems["hubspot"].secret == "kept-secret-1"


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", 0.25), ("30s", 30), ("5m", 300), ("1h", 3600), ("1d", 86400), ("1h 30m", 5400)]
)
def test_durations(tmp_path: Path, text: str, seconds: float) -> None:
    """A duration is number and unit, and several may follow each other."""
    assert read(tmp_path, f'{GOOD}every = "{text}"\n').pairs["sales"].every == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["80/min", "5/s", "100/10", "100/10s", "10/s, 80/min", "fast", "0/s", "80/day", "5", "5/", "5/0s", "/s", ""]
)
def test_a_rate_is_what_the_connectors_read(tmp_path: Path, text: str) -> None:
    """The set-up takes exactly those rates that the kit can read, so that a wrong one is told with its line."""
    changed = GOOD.replace('actor = "sync@example.com"', f'rate = "{text}"')
    try:
        parse_rates(text, "rate")
    except ConfigError:
        (found,) = mistakes(tmp_path, changed)
        assert "not a rate" in found.message
    else:
        assert read(tmp_path, changed).systems["jobnimbus"].rate == text


@pytest.mark.parametrize("text", ['"0s"', '"30"', '"s"', '"1x"', '"-5s"', "30", "true", '""'])
def test_what_is_not_a_duration(tmp_path: Path, text: str) -> None:
    """Bare numbers, nothing, negative spans and unknown units are refused with an example."""
    (found,) = mistakes(tmp_path, f"{GOOD}every = {text}\n")
    assert '"30s"' in found.remedy


def test_where_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--config comes first, then SYNCD_CONFIG, then ./config.toml; with none, the error says the three ways."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"syncd init.*--config FILE.*SYNCD_CONFIG"):
        find(None, {})
    (tmp_path / "config.toml").touch()
    (tmp_path / "other.toml").touch()
    assert find(None, {}) == Path("config.toml")
    assert find(None, {"SYNCD_CONFIG": "other.toml"}) == Path("other.toml")
    assert find("config.toml", {"SYNCD_CONFIG": "other.toml"}) == Path("config.toml")
    with pytest.raises(ConfigError, match=r"nope.toml.*SYNCD_CONFIG"):
        find(None, {"SYNCD_CONFIG": "nope.toml"})


def test_lines_of_inline_tables_dotted_keys_and_long_texts(tmp_path: Path) -> None:
    """A mistake inside an inline table, under a dotted key, or after a long text is told with its true line."""
    text = GOOD.replace('actor = "sync@example.com"', 'actor = """\npage = 1\nstill text"""\npage = "x"')
    (found,) = mistakes(tmp_path, text)
    assert found.place.endswith(":14")
    (found,) = mistakes(tmp_path, GOOD + "guard.percent = 101\n")
    assert found.place.endswith(":17")


def test_an_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    """A file that is not text is a ConfigError with its name."""
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(path, {}, known=KNOWN)


@pytest.mark.parametrize("days", ["999999999999999", "9" * 400, "3651"])
def test_a_duration_beyond_every_calendar(tmp_path: Path, days: str) -> None:
    """A duration that no date can be counted with is a mistake of its line."""
    (found,) = mistakes(tmp_path, f'{GOOD}every = "{days}d"\n')
    assert found.place == f"{tmp_path}/config.toml:{len(GOOD.splitlines()) + 1}"
    assert "is longer than 3650 days" in found.message


@pytest.mark.parametrize("key", ["ключ", "two words", "line\nline", "caf\u00e9", "a\x00b"])
def test_a_key_with_characters_that_no_key_has(tmp_path: Path, key: str) -> None:
    """What no HTTP header can carry is told by the name of its variable or file, and never shown."""
    (found,) = mistakes(tmp_path, GOOD, {**SECRETS, "HUBSPOT_TOKEN": key})
    assert "holds characters that no key has, in the environment variable HUBSPOT_TOKEN" in found.message
    assert key not in str(found)
    (tmp_path / "odd").touch(mode=0o600)
    (tmp_path / "odd").write_text(key, encoding="utf-8")
    assert "odd." in mistake(tmp_path, '{env = "HUBSPOT_TOKEN"}', '{file = "odd"}').message


TOKEN = 'token = {env = "HUBSPOT_TOKEN"}'
HOOKED = GOOD.replace(TOKEN, f'{TOKEN}\nwebhook_secret = {{env = "HOOK"}}')
HOOK = {**SECRETS, "HOOK": "a-long-secret-0123"}
PUBLIC = '\n[web]\npublic_url = "https://sync.example.com"\n'


def test_webhooks_need_a_secret_given_like_the_others(tmp_path: Path) -> None:
    """Without one there are none; with one it is resolved, and the log is told to leave it out."""
    assert {system.webhook_secret for system in read(tmp_path).systems.values()} == {None}
    config = read(tmp_path, HOOKED + PUBLIC, HOOK)
    assert config.systems["hubspot"].webhook_secret == "a-long-secret-0123"
    assert config.systems["jobnimbus"].webhook_secret is None
    assert "a-long-secret-0123" in config.secrets()
    assert "a-long-secret-0123" not in repr(config)


def test_a_short_webhook_secret_is_refused(tmp_path: Path) -> None:
    """What can be guessed is no secret; the remedy makes a long one, and the short one is not shown."""
    (found,) = mistakes(tmp_path, HOOKED + PUBLIC, {**SECRETS, "HOOK": "short-one-1"})
    assert "`systems.hubspot.webhook_secret` is shorter than 12 characters." in str(found)
    assert "openssl rand" in found.remedy
    assert "short-one-1" not in str(found)


def test_signed_webhooks_need_the_public_address(tmp_path: Path) -> None:
    """Where the signature goes over the address, the set-up must name it; where it does not, it need not."""
    (found,) = mistakes(tmp_path, HOOKED, HOOK)
    assert "`systems.hubspot.webhook_secret` needs [web] public_url" in str(found)
    assert found.place.endswith(":7")
    other = GOOD.replace("api_key = {", 'webhook_secret = {env = "HOOK"}\napi_key = {')
    assert read(tmp_path, other, HOOK).systems["jobnimbus"].webhook_secret


def test_a_connector_without_webhooks_takes_no_secret_for_them(tmp_path: Path) -> None:
    """For a vendor that sends none, the setting is none."""
    text = HOOKED.replace('connector = "hubspot"\ntoken', 'connector = "deaf"\nkey') + PUBLIC
    (found,) = mistakes(tmp_path, text, HOOK)
    assert "`systems.hubspot.webhook_secret` is not a setting." in str(found)
