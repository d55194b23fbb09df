"""Dates and moments: a day of the calendar against a moment in UTC, in the zone of the side that holds the moment.

What is not here: clocks. A date is a day as people say it; a moment becomes a day only through a zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from syncd.core.fieldmap import Unconvertible
from syncd.core.loss import iso
from syncd.core.model import FieldKind, Side, Value
from syncd.core.values.base import Base, written

US_FORMS = ("%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y", "%B %d, %Y", "%b %d, %Y")


@dataclass(frozen=True, slots=True)
class When(Base):
    """Between date, datetime and text fields.

    A day becomes its midnight in the zone of the side that holds the moment, and a moment the day it is there, so a
    day survives the round trip; the hour of a moment does not. `zone`: an IANA name instead of the account's.
    `hours`: a moment stays one between two texts.
    """

    zone: str | None = None
    hours: bool = False

    def to(self, value: Value, side: Side) -> Value:
        """The day or the moment, in the canonical text. Raises Unconvertible for what is neither."""
        try:
            return self._to(value, side)
        except OverflowError as error:
            raise Unconvertible(f"{value!r} lies outside the calendar") from error

    def _to(self, value: Value, side: Side) -> str:
        if self.ends.kind(side) is FieldKind.DATETIME:
            return self.moment(value, self._zone(side))
        if self.ends.kind(side) is FieldKind.DATE:
            return self.day(value, self._zone(side.other))
        if self.ends.kind(side.other) is FieldKind.DATETIME or (self.hours and isinstance(_read(value), datetime)):
            return self.moment(value, self._zone(side.other))
        return self.day(value, self._zone(side.other))

    def key(self, value: Value, side: Side) -> str | None:
        """The day, for fields of days or moments alike."""
        try:
            return None if value is None else self.day(value, self._zone(side))
        except (Unconvertible, OverflowError):
            return None

    def day(self, value: Value, zone: ZoneInfo) -> str:
        """`YYYY-MM-DD` of a day, or of a moment as the zone sees it."""
        found = _read(value)
        if isinstance(found, datetime):
            found = (found.astimezone(zone) if found.tzinfo else found).date()
        return found.isoformat()

    def moment(self, value: Value, zone: ZoneInfo) -> str:
        """The moment in UTC; a day begins at midnight in the zone. Where no midnight was, its first minute."""
        found = _read(value)
        if not isinstance(found, datetime):
            found = datetime.combine(found, time(), zone)
        elif not found.tzinfo:
            found = found.replace(tzinfo=zone)
        return iso(found)

    def _zone(self, side: Side) -> ZoneInfo:
        return ZoneInfo(self.zone or self.ends.zone(side))


def _read(value: Value) -> date | datetime:
    """A date or datetime from canonical text, or from the ways Americans write a date."""
    text = written(value).strip()
    try:
        return date.fromisoformat(text) if len(text) == len("2024-09-11") else datetime.fromisoformat(text)
    except ValueError:
        return _american(text)


def _american(text: str) -> date:
    for form in US_FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    raise Unconvertible(f"{text!r} is not a date; write it as 2024-09-30")
