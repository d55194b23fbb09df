"""SOQL carried out: which rows fit, in which order, and how a record is shown.

What is not here: the grammar (`soql`), and pages (`cursors`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from syncd_salesforce.sandbox.attached import demand_filter
from syncd_salesforce.sandbox.errors import Refusal, refuse
from syncd_salesforce.sandbox.fields import Field, make
from syncd_salesforce.sandbox.filters import test
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.soql import Among, Condition, Logic, Name, Not, Order, Select, condition, marked
from syncd_salesforce.sandbox.store import Row

Fits = Callable[[Row], bool]
Shape = Callable[[Row], dict[str, Any]]

_APPEND = "If you are attempting to use a custom {what}, be sure to append the '{end}' after the custom {what} name."
_WSDL = " Please reference your WSDL or the describe call for the appropriate names."


@dataclass(frozen=True, slots=True)
class Path:
    """A field reached over references."""

    steps: tuple[Field, ...]
    last: Field


@dataclass(slots=True)
class Run:
    """A query against an org; `deleted`: the recycle bin and archived activities are seen, too."""

    org: Org
    select: Select
    deleted: bool = False
    version: str = "66.0"

    @property
    def thing(self) -> Thing:
        """The object that is asked; Refusal INVALID_TYPE where there is none."""
        name = self.select.source
        found = self.org.schema.find(name.text)
        if found is None:
            sentence = f"sObject type '{name.text}' is not supported. {_APPEND.format(what='object', end='__c')}{_WSDL}"
            raise marked(self.select.text, name.at, sentence, "INVALID_TYPE")
        return found

    def rows(self) -> list[Row]:
        """The rows that fit, in order."""
        thing, select = self.thing, self.select
        if thing.name == "ContentDocumentLink":
            demand_filter(select.where)
        fits = self.fits(select.where) if select.where else None
        orders = [(each, self.path(each.name)) for each in select.order]
        found = [row for row in self.seen(thing) if fits is None or fits(row)]
        if len(found) > int(self.org.settings["query_rows"] or len(found)):
            raise refuse("QUERY_TIMEOUT", "Your query request was running for too long.")
        if self.org.settings["unordered"] == "shuffled":
            self.org.chance.shuffle(found)
        for order, path in reversed(orders):
            found = self._sorted(found, order, path)
        end = None if select.limit is None else select.offset + select.limit
        return found[select.offset : end]

    def seen(self, thing: Thing) -> Iterator[Row]:
        """Every row of an object that this query may see; of a hidden record, its links neither."""
        hidden = self.org.hidden
        for row in self.org.store.all(thing.name):
            if row["Id"] in hidden or row.get("LinkedEntityId") in hidden:
                continue
            if self.deleted or not (row.get("IsDeleted") or row.get("IsArchived")):
                yield row

    def _sorted(self, rows: list[Row], order: Order, path: Path) -> list[Row]:
        if not path.last.sortable:
            raise refuse("INVALID_FIELD", f"field '{path.last.name}' can not be sorted in a query call")
        read = self.reader(path)
        pairs = [(read(row), row) for row in rows]
        blank = [row for value, row in pairs if value is None]
        full = [(_sortable(path.last, value), row) for value, row in pairs if value is not None]
        full.sort(key=lambda pair: pair[0], reverse=order.down)
        there = [row for _, row in full]
        return there + blank if order.nulls_last else blank + there

    # -- names

    def path(self, name: Name) -> Path:
        """What a name means; Refusal INVALID_FIELD where it means nothing."""
        words, thing = list(name.path), self.thing
        own = {thing.name.lower(), (self.select.alias or thing.name).lower()}
        if len(words) > 1 and words[0].lower() in own and thing.relation(words[0]) is None:
            words = words[1:]
        here, steps = [thing], []
        for word in words[:-1]:
            step = next((found for each in here if (found := each.relation(word))), None)
            if step is None:
                sentence = f"Didn't understand relationship '{word}' in field path. "
                raise self._unknown(name, sentence + _APPEND.format(what="relationship", end="__r") + _WSDL)
            steps.append(step)
            here = [self.org.schema.things[each] for each in step.refs]
        if steps and words[-1].lower() == "type" and len(here) > 1:
            return Path(tuple(steps), make("Type", "string"))
        last = next((found for each in here if (found := each.find(words[-1]))), None)
        if last is None:
            sentence = f"No such column '{words[-1]}' on entity '{here[0].name}'. "
            raise self._unknown(name, sentence + _APPEND.format(what="field", end="__c") + _WSDL)
        return Path(tuple(steps), last)

    def _unknown(self, name: Name, sentence: str) -> Refusal:
        return marked(self.select.text, name.at, sentence, "INVALID_FIELD")

    def reader(self, path: Path) -> Callable[[Row], Any]:
        """What reads a path's stored value from a row."""
        org, thing, last = self.org, self.thing, path.last
        if not path.steps and last.formula is None:
            return lambda row: row.get(last.name)

        def read(row: Row) -> Any:
            at, found = thing, row
            for step in path.steps:
                there = org.seen(found.get(step.name))
                if there is None:
                    return None
                at, found = there
            field = at.find(last.name)
            if field is None or (last.name == "Type" and not last.choices and len(path.steps[-1].refs) > 1):
                return at.name if last.name == "Type" else None
            return org.value(at, found, field)

        return read

    # -- conditions

    def fits(self, part: Condition) -> Fits:
        """A condition as a test of rows; Refusal for names and values that do not go together."""
        if isinstance(part, Logic):
            tests = [self.fits(each) for each in part.parts]
            if part.op == "and":
                return lambda row: all(one(row) for one in tests)
            return lambda row: any(one(row) for one in tests)
        if isinstance(part, Not):
            inner = self.fits(part.part)
            return lambda row: not inner(row)
        path = self.path(part.name)
        if not path.last.filterable:
            sentence = f"field '{part.name.text}' can not be filtered in a query call"
            raise marked(self.select.text, part.name.at, sentence, "INVALID_FIELD")
        read = self.reader(path)
        if isinstance(part, Among) and isinstance(part.values, Select):
            found = self._joined(part.values)
            wanted = part.op == "in"
            return lambda row: (read(row) in found) is wanted
        one = test(part, path.last, self.select.text, self.org.now())
        return lambda row: one(read(row))

    def _joined(self, select: Select) -> set[Any]:
        select.text = self.select.text
        inner = Run(self.org, select, self.deleted)
        first = select.fields[0] if select.fields else None
        if not isinstance(first, Name):
            raise refuse("MALFORMED_QUERY", "a semi join selects exactly one field")
        read = inner.reader(inner.path(first))
        return {read(row) for row in inner.rows()} - {None}

    # -- what is shown

    def shape(self) -> Shape:
        """What makes the record of a row; Refusal for unknown fields."""
        select, thing = self.select, self.thing
        if select.everything is not None:
            return self._everything(select.everything)
        paths = [self.path(each) for each in select.fields if isinstance(each, Name)]
        texts = [each.text.lower() for each in select.fields if isinstance(each, Name)]
        if twice := [each for each in texts if texts.count(each) > 1]:
            raise refuse("INVALID_FIELD", f"duplicate field selected: {twice[0]}")
        inner = [self._children(each) for each in select.fields if isinstance(each, Select)]

        def record(row: Row) -> dict[str, Any]:
            out: dict[str, Any] = {"attributes": attributes(thing, row, self.version)}
            for path in paths:
                self._fill(out, row, path)
            for name, rows in inner:
                out[name] = rows(row)
            return out

        return record

    def _fill(self, out: dict[str, Any], row: Row, path: Path) -> None:
        at, found, node = self.thing, row, out
        for step in path.steps:
            there = self.org.seen(found.get(step.name))
            name = str(step.relationship)
            if there is None:
                node.setdefault(name, None)
                return
            at, found = there
            node = node.setdefault(name, {"attributes": attributes(at, found, self.version)})
        field = at.find(path.last.name)
        if field is not None and not (path.steps and path.last.name == "Type" and len(path.steps[-1].refs) > 1):
            node[field.name] = self.org.sent(at, found, field)
        else:
            node[path.last.name] = at.name if path.last.name == "Type" else None

    def _everything(self, which: str) -> Shape:
        if which != "standard" and not 0 < (self.select.limit or 0) <= 200:
            raise refuse("MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200")
        thing = self.thing
        fields = [each for each in thing.shown() if which == "all" or each.custom == (which == "custom")]
        return lambda row: {
            "attributes": attributes(thing, row, self.version),
            **{each.name: self.org.sent(thing, row, each) for each in fields},
        }

    def _children(self, select: Select) -> tuple[str, Callable[[Row], Any]]:
        """A subquery over a child relationship: its name and what reads it."""
        name = select.source.text
        pairs = [(child, each) for child, each in self.org.schema.children(self.thing.name) if plural(child) == name]
        if not pairs:
            raise self._unknown(select.source, f"Didn't understand relationship '{name}' in FROM part of query call.")
        child, link = min(pairs, key=lambda pair: pair[1].name != f"{self.thing.name}Id")
        select.text, select.source = self.select.text, Name((child.name,), select.source.at)
        inner = Run(self.org, select, self.deleted, self.version)
        shape = inner.shape()

        def rows(row: Row) -> Any:
            found = [shape(each) for each in inner.rows() if each.get(link.name) == row["Id"]]
            return {"totalSize": len(found), "done": True, "records": found} if found else None

        return name, rows


def plural(thing: Thing) -> str:
    """The name that a child object goes by in a subquery."""
    if thing.name.endswith("__c"):
        return thing.name.removesuffix("__c") + "s__r"
    return thing.name[:-1] + "ies" if thing.name.endswith("y") else thing.name + "s"


def attributes(thing: Thing, row: Row, version: str) -> dict[str, str]:
    """What every record begins with."""
    return {"type": thing.name, "url": f"/services/data/v{version}/sobjects/{thing.name}/{row['Id']}"}


def predicate(org: Org, thing: Thing, text: str) -> Fits:
    """A condition of an admin's rule, in SOQL, as a test of rows."""
    select = Select(text, source=Name((thing.name,), 0))
    return Run(org, select).fits(condition(text))


def _sortable(field: Field, value: Any) -> Any:
    return value.casefold() if isinstance(value, str) and field.type not in ("id", "reference") else value
