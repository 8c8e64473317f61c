"""Change ids: what a source gives with a snapshot of a disk, to be asked later what has changed on that disk since.

One names the tracking of a disk and how far it had counted, `<uuid>/<number>`. The uuid is 16 bytes in hexadecimal;
vSphere parts them with spaces and a dash, others with dashes, and all of it is one tracking.
"""

import re

FORM = re.compile(r"([0-9a-fA-F]{2}(?:[ -]?[0-9a-fA-F]{2}){15})/[0-9]+")


def tracking_of(change_id: str | None) -> str | None:
    """The uuid part, in one form however it was written; None where this is no change id."""
    found = FORM.fullmatch(change_id or "")
    return re.sub("[ -]", "", found[1]).lower() if found else None


def is_change_id(text: str | None) -> bool:
    """Whether a source can be asked what has changed since: an empty one, `*` and whatever else it gave is none."""
    return tracking_of(text) is not None


def same_tracking(change_id: str | None, base: str | None) -> bool:
    """Whether one tracking counted both: what lies between two others, or what are none, nobody knows."""
    return is_change_id(change_id) and tracking_of(change_id) == tracking_of(base)
