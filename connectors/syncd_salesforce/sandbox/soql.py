"""SOQL as text, made into a tree: tokens and recursive descent.

What is not here: whether objects and fields exist, and what rows fit (`query`). Aggregates other than COUNT, GROUP BY,
TYPEOF and FIELDS of more than 200 rows are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd_salesforce.sandbox import times
from syncd_salesforce.sandbox.errors import Refusal, refuse

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<string>'(?:[^'\\]|\\.)*')"
    r"|(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d)(?![\dT])"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?)(?![\w-])"
    r"|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?::\d+)?)"
    r"|(?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)",
    re.IGNORECASE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
_SIGNS = frozenset(("=", "!=", "<>", "<", "<=", ">", ">="))
_CLAUSES = frozenset(("where", "order", "limit", "offset", "for", "group", "having", "with"))
_RELATIVE = re.compile(r"(TODAY|YESTERDAY|TOMORROW|LAST_N_DAYS:\d+|NEXT_N_DAYS:\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """A word and where it begins."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value: kind is string, number, boolean, null, date, datetime or relative (TODAY, LAST_N_DAYS:3)."""

    kind: str
    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A field, by its path."""

    path: tuple[str, ...]
    at: int

    @property
    def text(self) -> str:
        """As it was written."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Compare:
    """`name op value`: = != < <= > >= like."""

    name: Name
    op: str
    value: Literal


@dataclass(frozen=True, slots=True)
class Among:
    """`name IN (...)`, INCLUDES and EXCLUDES; `op` is in, not in, includes, excludes; values or a semi-join."""

    name: Name
    op: str
    values: Sequence[Literal] | Select


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Logic:
    """`and` or `or` of its parts."""

    op: str
    parts: Sequence[Condition]


Condition = Compare | Among | Not | Logic


@dataclass(frozen=True, slots=True)
class Order:
    """One key of ORDER BY."""

    name: Name
    down: bool
    nulls_last: bool


@dataclass(slots=True)
class Select:
    """A whole query. `fields` holds names and subqueries; `count`: it is SELECT COUNT()."""

    text: str
    fields: list[Name | Select] = field(default_factory=list)
    everything: str | None = None
    count: bool = False
    source: Name = field(default_factory=lambda: Name(("",), 0))
    alias: str | None = None
    where: Condition | None = None
    order: list[Order] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0


def parse(text: str) -> Select:
    """A query; Refusal MALFORMED_QUERY for what is none."""
    if len(text) > 100_000:
        raise refuse("QUERY_TOO_LONG", "SOQL statements cannot be longer than 100000 characters.")
    parser = _Parser(text)
    found = parser.select()
    parser.end()
    return found


def condition(text: str) -> Condition:
    """What stands behind WHERE; Refusal MALFORMED_QUERY for what is none."""
    parser = _Parser(text)
    found = parser.condition()
    parser.end()
    return found


def marked(text: str, at: int, sentence: str, code: str) -> Refusal:
    """A refusal as Salesforce words it: a piece of the query, a caret under the place, row and column, the sentence."""
    start, end = max(0, at - 40), min(len(text), at + 40)
    line = text[:at].count("\n") + 1
    piece = text[start:end].replace("\n", " ")
    caret = " " * (at - start) + "^"
    return refuse(code, f"\n{piece}\n{caret}\nERROR at Row:{line}:Column:{at + 1}\n{sentence}")


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0

    # -- words

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _is(self, *words: str) -> bool:
        return all(self._peek(ahead).text.lower() == word for ahead, word in enumerate(words))

    def _has(self, *words: str) -> bool:
        if not self._is(*words):
            return False
        self._next += len(words)
        return True

    def _need(self, *words: str) -> None:
        if not self._has(*words):
            raise self._bad(f"expecting {' '.join(words)}, found '{self._peek().text}'")

    def _bad(self, sentence: str | None = None) -> Refusal:
        token = self._peek()
        words = sentence or f"unexpected token: '{token.text or '<EOF>'}'"
        return marked(self._text, token.at, words, "MALFORMED_QUERY")

    def end(self) -> None:
        """Nothing may be left."""
        if self._peek().kind != "end":
            raise self._bad()

    def _name(self) -> Name:
        token = self._peek()
        if token.kind != "name" or ":" in token.text:
            raise self._bad()
        self._next += 1
        return Name(tuple(token.text.split(".")), token.at)

    def _whole(self) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.isdigit():
            self._next -= 1
            raise self._bad()
        return int(token.text)

    # -- a query

    def select(self) -> Select:
        self._need("select")
        found = Select(self._text)
        self._fields(found)
        self._need("from")
        found.source = self._name()
        if self._peek().kind == "name" and self._peek().text.lower() not in _CLAUSES:
            found.alias = self._take().text
        if self._has("where"):
            found.where = self.condition()
        if self._has("order", "by"):
            found.order = self._order()
        if self._has("limit"):
            found.limit = self._whole()
        if self._has("offset"):
            found.offset = self._whole()
            if found.offset > 2000:
                raise refuse("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
        return found

    def _fields(self, found: Select) -> None:
        if self._has("count", "(", ")"):
            found.count = True
            return
        while True:
            if self._has("("):
                found.fields.append(self.select())
                self._need(")")
            elif self._has("fields", "("):
                found.everything = self._take().text.lower()
                self._need(")")
            elif self._is("typeof"):
                raise self._bad("this sandbox has no TYPEOF; a path such as Who.Type tells what a reference points at")
            else:
                found.fields.append(self._name())
            if not self._has(","):
                return

    def _order(self) -> list[Order]:
        keys = []
        while True:
            name = self._name()
            down = self._has("desc")
            if not down:
                self._has("asc")
            last = self._has("nulls", "last")
            if not last:
                self._has("nulls", "first")
            keys.append(Order(name, down, last))
            if not self._has(","):
                return keys

    # -- conditions

    def condition(self) -> Condition:
        parts = [self._part()]
        op = self._peek().text.lower()
        if op not in ("and", "or"):
            return parts[0]
        while self._has(op):
            parts.append(self._part())
        if self._peek().text.lower() in ("and", "or"):
            # AND beside OR without parentheses is refused by Salesforce, too.
            raise self._bad()
        return Logic(op, parts)

    def _part(self) -> Condition:
        if self._has("not"):
            return Not(self._part())
        if self._has("("):
            found = self.condition()
            self._need(")")
            return found
        name = self._name()
        sign = self._peek().text.lower()
        if sign in _SIGNS:
            self._next += 1
            return Compare(name, "!=" if sign == "<>" else sign, self._literal())
        if self._has("like"):
            return Compare(name, "like", self._literal())
        for words in (("in",), ("not", "in"), ("includes",), ("excludes",)):
            if self._has(*words):
                return Among(name, " ".join(words), self._list())
        raise self._bad()

    def _list(self) -> Sequence[Literal] | Select:
        self._need("(")
        if self._is("select"):
            inner = self.select()
            self._need(")")
            return inner
        found = [self._literal()]
        while self._has(","):
            found.append(self._literal())
        self._need(")")
        return found

    def _literal(self) -> Literal:
        token = self._take()
        word = token.text.lower()
        if token.kind == "string":
            return Literal("string", _unescaped(self._text, token), token.at)
        if token.kind == "number":
            return Literal("number", float(token.text), token.at)
        if token.kind == "datetime":
            return Literal("datetime", times.moment(token.text), token.at)
        if token.kind == "date":
            return Literal("date", self._day(token), token.at)
        if word in ("true", "false"):
            return Literal("boolean", word == "true", token.at)
        if word == "null":
            return Literal("null", None, token.at)
        if _RELATIVE.fullmatch(word):
            return Literal("relative", word.upper(), token.at)
        self._next -= 1
        raise self._bad()

    def _day(self, token: Token) -> str:
        try:
            return times.day(token.text)
        except ValueError as error:
            sentence = f"Invalid date: {token.text}"
            raise marked(self._text, token.at, sentence, "INVALID_QUERY_FILTER_OPERATOR") from error


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise marked(text, at, f"unexpected token: '{text[at]}'", "MALFORMED_QUERY")
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*found, Token("end", "", len(text))]


def _unescaped(text: str, token: Token) -> str:
    def char(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in "_%":
            return "\\" + letter  # LIKE looks at these
        if letter.lower() not in _ESCAPES:
            raise marked(text, token.at, f"Illegal escape sequence: \\{letter}", "MALFORMED_QUERY")
        return _ESCAPES[letter.lower()]

    return re.sub(r"\\(.)", char, token.text[1:-1], flags=re.DOTALL)
