"""A daemon's life: who works until when, as it is told. Not here: real set-ups (`tests/e2e/test_reload.py`)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from syncd.errors import AuthError, ConfigError, Problem, SyncdError
from syncd.service.lifetime import Lifetime

PATIENCE = 10.0


class SetUp:
    """A set-up that says what becomes of it."""

    def __init__(self, name: str, wrong: Exception | None = None) -> None:
        self.name, self.wrong = name, wrong
        self.meanwhile: Callable[[], None] = lambda: None
        self.works, self.closed = threading.Event(), threading.Event()

    def prepare(self, instead_of: SetUp) -> None:
        """Fit, or not; the one that still works is another."""
        assert instead_of is not self and not instead_of.closed.is_set()
        self.meanwhile()
        if self.wrong is not None:
            raise self.wrong

    def close(self) -> None:
        """Note it."""
        self.closed.set()

    def work(self, until: threading.Event) -> None:
        """Work."""
        self.works.set()
        assert until.wait(PATIENCE), "nobody told it to end"


class Living:
    """A lifetime in a thread, over these set-ups one after the other; an error is one that cannot be opened."""

    def __init__(self, *made: SetUp | SyncdError) -> None:
        self.made: list[SetUp | SyncdError] = list(made)
        self.lifetime = Lifetime(self.open)
        self.thread = threading.Thread(target=self.lifetime.run, args=[SetUp.work])
        self.thread.start()

    def open(self) -> SetUp:
        """The next one."""
        one = self.made.pop(0)
        if isinstance(one, SyncdError):
            raise one
        return one

    def end(self) -> None:
        """Tell it to stop, which it does."""
        self.lifetime.stop()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


def until(done: Callable[[], bool]) -> None:
    """Wait for this."""
    for _ in range(1000):
        if done():
            return
        threading.Event().wait(PATIENCE / 1000)
    pytest.fail("it did not come")


def test_it_works_until_it_is_told_to_stop() -> None:
    """One set-up works, is told to end, and is closed."""
    one = SetUp("one")
    living = Living(one)
    assert one.works.wait(PATIENCE)
    assert not one.closed.is_set()
    living.end()
    assert one.closed.is_set()


def test_a_new_set_up_goes_on_where_the_old_one_ended() -> None:
    """Told to read it anew, again and again, each set-up is closed before the next one works."""
    several = [SetUp(str(n)) for n in range(4)]
    living = Living(*several)
    for before, after in pairwise(several):
        assert before.works.wait(PATIENCE)
        living.lifetime.again()
        assert after.works.wait(PATIENCE)
        assert before.closed.is_set()
    living.end()
    assert all(one.closed.is_set() for one in several)


@pytest.mark.parametrize(
    "wrong",
    [
        ConfigError(Problem("config.toml:3", "is wrong.", "Mend it.")),
        SetUp("refused", AuthError("the key is refused.", system="crm")),
        SetUp("broken", ValueError("a mistake of ours")),
    ],
    ids=["wrong", "refused", "bug"],
)
def test_a_wrong_set_up_changes_nothing(wrong: SetUp | SyncdError) -> None:
    """It is told in the log and closed; the old one works on, and the next right one takes over."""
    one, last = SetUp("one"), SetUp("last")
    living = Living(one, wrong, last)
    assert one.works.wait(PATIENCE)
    with capture_logs() as logs:
        living.lifetime.again()
        until(lambda: bool(logs))
    (told,) = logs
    assert told["log_level"] == "error"
    assert told["event"] in ("reload refused", "reload failed")
    assert not one.closed.is_set()
    if isinstance(wrong, SetUp):
        assert wrong.closed.wait(PATIENCE)
    living.lifetime.again()
    assert last.works.wait(PATIENCE)
    living.end()
    assert last.closed.is_set()


def test_told_to_stop_it_does_not_begin_anew() -> None:
    """A set-up that was made ready while the word to stop came is closed, and never works."""
    one, late = SetUp("one"), SetUp("late")
    living = Living(one, late)
    assert one.works.wait(PATIENCE)
    late.meanwhile = living.lifetime.stop
    living.lifetime.again()
    living.thread.join(PATIENCE)
    assert not living.thread.is_alive()
    assert one.closed.is_set()
    assert not late.works.is_set()


def test_what_ends_the_work_ends_the_life() -> None:
    """An error of the work closes the set-up and is raised."""
    one = SetUp("one")

    def work(_setup: SetUp, _until: threading.Event) -> None:
        raise AuthError("refused.", system="crm")

    with pytest.raises(AuthError):
        Lifetime(lambda: one).run(work)
    assert one.closed.is_set()
