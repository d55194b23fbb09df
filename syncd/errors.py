"""Every error syncd raises, grouped by its remedy.

What is not here: anything about one vendor. A connector turns its vendor's answers into these.
`docs/reference/errors.md` says of each what syncd does and what a person does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SyncdError(Exception):
    """The root. Its text is one plain sentence, safe to print: no secret, no personal data beyond ids.

    `system`: whose trouble it is, where that is known.
    """

    exit_code = 1
    system: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a set-up: where it is (`file:line:column` or a setting's name), what is wrong, what to do."""

    place: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """The one line a person reads."""
        return f"{self.place}: {self.message}" + (f" {self.remedy}" if self.remedy else "")


class ConfigError(SyncdError):
    """The set-up is wrong. Remedy: stop, and mend the named places. All mistakes found are reported at once."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem] | Problem) -> None:
        """Keep the problems; the text is one line per problem."""
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class AuthError(SyncdError):
    """The vendor refuses our key or a permission. Remedy: the system pauses until an operator acts.

    `permission` names the very scope or access that is missing, when the vendor tells it.
    """

    exit_code = 3

    def __init__(self, message: str, *, permission: str | None = None, system: str | None = None) -> None:
        """Take the sentence for the operator, and the permission and the system if known."""
        self.permission = permission
        if system is not None:
            self.system = system
        super().__init__(message)

    @property
    def told(self) -> str:
        """The sentence, and the permission where the sentence does not name it."""
        text = str(self)
        return f"{text} Missing: {self.permission}." if self.permission and self.permission not in text else text


class Transient(SyncdError):
    """It may work later and nothing was written. Remedy: again, after `retry_after` seconds if the vendor says so."""

    exit_code = 4

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Take the sentence and the vendor's wish, in seconds."""
        self.retry_after = retry_after
        super().__init__(message)


class Stale(SyncdError):
    """Somebody wrote since we looked. Remedy: plan again now."""


class Refused(SyncdError):
    """The vendor rejects this one record. Remedy: park it with the vendor's sentence; the others go on.

    `fields` are the vendor's field names at fault, `names` the ids of records that the refusal points at
    (a duplicate), `duplicate` is true when the refusal says that such a record exists already.
    """

    def __init__(
        self, message: str, *, fields: Sequence[str] = (), names: Sequence[str] = (), duplicate: bool = False
    ) -> None:
        """Take the vendor's sentence and what it points at."""
        self.fields = tuple(fields)
        self.names = tuple(names)
        self.duplicate = duplicate
        super().__init__(message)


class Ambiguous(SyncdError):
    """The write may have landed: the answer was lost. Remedy: look before anything else is done."""

    exit_code = 4


class Bug(SyncdError):
    """Our own mistake. Remedy: park the record, log with a trace, go on."""

    exit_code = 70
