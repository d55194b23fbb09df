"""Values out of a list: pick lists by table or by name, several choices at once, and the systems' users.

What is not here: where the lists come from (each side's schema, told to `Ends`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from syncd.core.fieldmap import Unconvertible
from syncd.core.model import FieldKind, FieldType, Side, User, Value
from syncd.core.values.base import Base, side_word, written


@dataclass(frozen=True, slots=True)
class Pick(Base):
    """Pick lists. `tables[side]` translates *towards* a side; without tables, by equal value, else by equal label.

    A table may be lossy in both directions; the first line that names a value wins on the way back.
    `fallback`: per side, what is written there for a value that has no counterpart.
    """

    tables: Mapping[Side, Mapping[str, str]] | None = None
    fallback: Mapping[Side, str] = field(default_factory=dict)

    def to(self, value: Value, side: Side) -> Value:
        """The counterpart. Raises Unconvertible when there is none and no fallback."""
        if isinstance(value, tuple):
            if len(value) > 1 and self.ends.kind(side) is not FieldKind.TEXT:
                raise Unconvertible(f"{written(value)!r} is several values, and {side_word(side)} holds one")
            return "; ".join(self.one(item, side) for item in value)
        return self.one(written(value), side)

    def one(self, value: str, side: Side) -> str:
        """The counterpart of a single value. Raises Unconvertible."""
        found = self._look_up(value.strip(), side)
        if found is None:
            found = self.fallback.get(side)
        if found is None:
            raise Unconvertible(self._sentence(value, side))
        return found

    def key(self, value: Value, side: Side) -> str | None:
        """The left side's value that stands for this one and for all that are carried to the same."""
        try:
            across = self.convert(value, side.other)
            found = self.convert(across, side)
            found = across if side is Side.RIGHT else found
        except Unconvertible:
            return None
        return written(found).strip().casefold() or None

    def exact(self) -> Pick:
        """The same without a fallback."""
        return replace(self, fallback={})

    def _look_up(self, value: str, side: Side) -> str | None:
        if self.tables is not None:
            source = option_named(self.ends.type(side.other), value) or value
            return self.tables[side].get(source, self.tables[side].get(value))
        return by_name(self.ends.type(side.other), self.ends.type(side), value)

    def _sentence(self, value: str, side: Side) -> str:
        name = found.label or found.name if (found := self.ends.type(side)) else side_word(side)
        if self.tables is not None:
            return f"{value!r} has no counterpart in {name}: add it to this rule's `values`"
        return f"{value!r} is not an option of {name}: add the option there, or give the rule `values`"


@dataclass(frozen=True, slots=True)
class Several(Pick):
    """Several choices at once; each is translated by itself. To a text field they go as one text, `a; b`."""

    def to(self, value: Value, side: Side) -> Value:
        """The counterparts, without repeats. Raises Unconvertible if any has none."""
        parts = value if isinstance(value, tuple) else [part.strip() for part in written(value).split(";")]
        found = tuple(dict.fromkeys(self.one(part, side) for part in parts if part))
        if self.ends.kind(side) is FieldKind.MULTI:
            return found
        if len(found) > 1 and self.ends.kind(side) is not FieldKind.TEXT:
            raise Unconvertible(f"{written(value)!r} is several values, and {side_word(side)} holds one")
        return "; ".join(found)


def option_named(type: FieldType | None, text: str) -> str | None:
    """The stored value of the option that has this value, else this label, else either in another case."""
    options = type.options if type else ()
    for option in options:
        if option.value == text:
            return option.value
    for option in options:
        if option.label == text:
            return option.value
    word = text.casefold() if options else ""
    return next((item.value for item in options if word in (item.value.casefold(), item.label.casefold())), None)


def by_name(source: FieldType | None, target: FieldType | None, value: str) -> str | None:
    """The target's value for a source's value: same value, else same label; the label for a text field."""
    ours = option_named(source, value)
    options = source.options if source and ours is not None else ()
    label = next((item.label for item in options if item.value == ours), "")
    if target is None or target.kind is FieldKind.TEXT:
        return label or value
    found = option_named(target, value) or (option_named(target, label) if label else None)
    return value if found is None and (target.open_options or not target.options) else found


@dataclass(frozen=True, slots=True)
class People(Base):
    """Users of both systems, paired by e-mail.

    `overrides`: left user -> right user, each given by e-mail, id or name. `fallback`: per side, who takes a record
    whose user has no living account there. A text field takes the name.
    """

    overrides: Mapping[str, str] = field(default_factory=dict)
    fallback: Mapping[Side, str] = field(default_factory=dict)

    def to(self, value: Value, side: Side) -> Value:
        """The other side's user id. Raises Unconvertible when nobody there may own a record."""
        text = written(value).strip()
        source = user_named(self.ends.users(side.other), text)
        if self.ends.kind(side) is FieldKind.TEXT and self.ends.type(side) is not None:
            return source.name if source else text
        found = self._counterpart(source, text, side)
        if (found is None or not found.active) and side in self.fallback:
            found = user_named(self.ends.users(side), self.fallback[side])
        if found is None:
            raise Unconvertible(f"user {_named(source, text)} has no account on {side_word(side)}, by e-mail")
        if not found.active:
            raise Unconvertible(f"user {found.name} is not active on {side_word(side)}")
        return found.id

    def key(self, value: Value, side: Side) -> str | None:
        """The user's e-mail."""
        user = user_named(self.ends.users(side), written(value).strip())
        return user.email.casefold() if user and user.email else None

    def exact(self) -> People:
        """The same without a fallback."""
        return replace(self, fallback={})

    def _counterpart(self, source: User | None, text: str, side: Side) -> User | None:
        there = self.ends.users(side)
        if named := self._override(source, text, side):
            return user_named(there, named)
        if source is None:
            return user_named(there, text) if self.ends.kind(side.other) is FieldKind.TEXT else None
        same = [user for user in there if source.email and (user.email or "").casefold() == source.email.casefold()]
        return next((user for user in same if user.active), same[0] if same else None)

    def _override(self, source: User | None, text: str, side: Side) -> str | None:
        ours = self.ends.users(side.other)
        for left, right in self.overrides.items():
            here, there = (left, right) if side is Side.RIGHT else (right, left)
            if here == text or (source is not None and user_named(ours, here) == source):
                return there
        return None


def user_named(users: Iterable[User], text: str) -> User | None:
    """The user with this id, else this e-mail, else this name; living accounts first."""
    ordered = sorted(users, key=lambda user: not user.active)
    word = text.casefold()
    by_id = [user for user in ordered if user.id == text]
    by_email = [user for user in ordered if user.email and user.email.casefold() == word]
    by_name = [user for user in ordered if user.name.casefold() == word]
    return next(iter([*by_id, *by_email, *by_name]), None)


def _named(user: User | None, text: str) -> str:
    return f"{user.name} ({user.email or 'no e-mail'})" if user else repr(text)
