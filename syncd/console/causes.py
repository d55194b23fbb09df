"""Why records wait, in plain words, and what is to be done: every cause of docs/how-to/parked.md.

What is not here: the reason of one record, which its mark tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause. `title`: in a few words; `meaning`: a sentence; `remedy`: what to do; `alone`: nothing, it goes on."""

    title: str
    meaning: str
    remedy: str
    alone: bool = False


_LOOK = "Look at the record in both systems. Any change of it is a try; or try it again here."

CAUSES: Mapping[str, Cause] = {
    "waiting": Cause(
        "Waits for another record",
        "Another record or another write comes first, such as the contact of a deal.",
        "Nothing, as a rule: it goes on by itself when the other is there. If that one was parted or is gone, link it"
        " again or give this record another one.",
        alone=True,
    ),
    "question": Cause(
        "May be the same as another record",
        "syncd could be wrong about what is the same as what, and does not guess.",
        "Compare the two and say whether they are the same.",
    ),
    "refused": Cause(
        "The other system refuses it",
        "The vendor rejects the record; its own sentence stands beside it.",
        "Mend the field that the sentence blames, in either system. The change alone is a new try.",
    ),
    "unmapped": Cause(
        "A value has no counterpart",
        "A stage, a status or an owner stands in no line of the map.",
        "Name its counterpart; the records go on as soon as the map has it. Or give the rule a fallback.",
    ),
    "gone": Cause(
        "The record was deleted",
        "It was deleted on one side. The two are linked no longer, and the other one stays as it is.",
        "Nothing, if that was meant. Brought back, it is linked again.",
    ),
    "unseen": Cause(
        "It does not answer, and neither do others",
        "A permission seems to be missing. Nothing is concluded from it, and nothing is written.",
        "Look at the key's permissions under Systems. When they are back, these go on by themselves.",
    ),
    "vanished": Cause(
        "It does not answer",
        "It did not answer twice, although nothing else of its kind is hidden.",
        "If the record is there, change it, or try it again here. If it is gone, nothing is left to do.",
    ),
    "drift": Cause(
        "A field does not come any more",
        "A field was asked for twice and did not come: it was deleted in the vendor's settings, or is hidden.",
        "Give the field back, or take it out of the map. Where others tell it, this is tried once more by itself.",
    ),
    "untold": Cause(
        "A field still does not come",
        "The same once more, although a look at others found nothing wrong.",
        "Give the field back or take it out of the map; then try it again here.",
    ),
    "unread": Cause(
        "The other record was never read",
        "The record on the other side was never read: it may be hidden from the user that syncd connects as.",
        "Let that user see it, then try it again here.",
    ),
    "discarded": Cause(
        "Somebody did not want it written",
        "A person skipped the record, or discarded what a held run would have written.",
        "Nothing, if that still holds. A change of the record, or a new try, plans it anew.",
    ),
    "paused": Cause(
        "Paused by a person",
        "Somebody wants the record left alone for a while. What changes on either side waits; nothing of it is lost.",
        "Resume it on its own page when it may go on.",
        alone=True,
    ),
    "bug": Cause(
        "A mistake of syncd",
        "syncd itself failed at it; its log has the trace.",
        "Report it, please. After an update try it again here.",
    ),
    "later": Cause(
        "The vendor asked to wait",
        "It asked to wait each time, for a whole day.",
        "Nothing: it is tried again by itself when the system is well.",
        alone=True,
    ),
    "stale": Cause(
        "It changed each time",
        "Somebody changed the record just before it was written, again and again for a day.",
        "Find what changes it all the time, such as another program; then try it again here.",
    ),
    "missing": Cause(
        "It did not answer when it was to be written",
        "And yet it was never found to be gone.",
        _LOOK,
    ),
    "unsettled": Cause(
        "Nobody knows whether it was written",
        "A write lost its answer, and the record did not tell the field since.",
        "Look whether the value arrived; then try it again here.",
    ),
    "unknown": Cause(
        "A field it needs did not come",
        "A field that a new record is found by, or cannot do without, was not told for a day.",
        "Let syncd's user see the field, then try it again here.",
    ),
    "taken": Cause(
        "Its twin is linked with another record",
        "Each time it was tried, the record that it belongs to was linked with another one.",
        "Part the wrong two on the record's page, or merge the duplicates in the vendor's own pages.",
    ),
    "unfit": Cause(
        "It is linked, and should not be",
        "It does not meet the map's condition; its link should have been closed.",
        "Report it, please: that should not happen.",
    ),
    "duplicate": Cause(
        "The vendor says that it exists already",
        "A record with this value exists there, and could not be found.",
        "Look for it there, in the archive too; merge or rename one of the two, then try it again here.",
    ),
    "namesake": Cause(
        "The name is taken",
        "The vendor says that the name is taken, and accepted none that was made unique.",
        "Rename one of the two, then try it again here.",
    ),
    "lease": Cause(
        "Another worker was at it each time",
        "Each time it was tried, another process of syncd had it.",
        "Try it again here; if it comes back, report it.",
    ),
}
"""By the word that programs use. Causes that name a side behind it (`unknown left`) are known by their first word."""


def cause_of(name: str | None) -> Cause:
    """What is known of a cause; of one that is not known, that it waits."""
    word = (name or "").partition(" ")[0]
    return CAUSES.get(word, Cause(f"Cannot go on ({word or 'no cause'})", "What keeps it stands beside it.", _LOOK))
