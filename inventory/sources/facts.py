"""How one fact is read, whatever the source, so that the same fact gives the same record."""

import re

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAC_SEPARATORS = re.compile(r"[:.\-]")
_MAC_DIGITS = re.compile(r"[0-9a-f]{12}")
_DATASTORE = re.compile(r"\[([^\[\]]+)\]")
_POWER_STATES = {"poweredon": "poweredOn", "poweredoff": "poweredOff", "suspended": "suspended"}
_NIL_UUID = "00000000-0000-0000-0000-000000000000"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def stripped(text: str) -> str | None:
    """The text without surrounding blanks; None where nothing is left.

    Raises `ValueError` for text that no database can hold: a NUL, or half of a surrogate pair.
    """
    if found := _UNSTORABLE.search(text):
        raise ValueError(f"it contains {'a NUL character' if found[0] == chr(0) else 'half of a character'}")
    return text.strip() or None


def storable(text: str) -> str:
    """The text with U+FFFD for what no database can hold."""
    return _UNSTORABLE.sub("\ufffd", text)


def uuid_text(text: str) -> str | None:
    """A UUID in lower case; None for the nil UUID. Raises `ValueError` for anything else."""
    uuid = text.strip().strip("{}").lower()
    if not _UUID.fullmatch(uuid):
        raise ValueError("it is not a UUID")
    return None if uuid == _NIL_UUID else uuid


def mac_address(text: str) -> str | None:
    """A MAC address as aa:bb:cc:dd:ee:ff; None for all zeros. Raises `ValueError` for anything else."""
    digits = _MAC_SEPARATORS.sub("", text.strip().lower())
    if not _MAC_DIGITS.fullmatch(digits):
        raise ValueError("it is not a MAC address")
    if digits == "0" * 12:
        return None
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def nic_key(mac: str | None, label: str | None) -> str | None:
    """The key of an interface whose device key is unknown; None where nothing identifies it."""
    if mac is not None:
        return f"mac:{mac}"
    return f"label:{label}" if label is not None else None


def power_state(text: str) -> str:
    """poweredOn, poweredOff or suspended. Raises `ValueError` for anything else."""
    state = _POWER_STATES.get(text.strip().lower())
    if state is None:
        raise ValueError("it is none of poweredOn, poweredOff and suspended")
    return state


def datastore_of(vmdk_path: str | None) -> str | None:
    """The datastore in a path such as `[datastore1] web/web.vmdk`."""
    match = _DATASTORE.match(vmdk_path) if vmdk_path else None
    return match[1] if match else None
