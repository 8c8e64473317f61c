"""What no database can hold never leaves a source in what it says: PostgreSQL refuses NUL, each driver half a pair."""

from dataclasses import asdict

import pytest

from inventory.sources import facts
from inventory.sources.records import Finding, SourceError

pytestmark = pytest.mark.no_database


@pytest.mark.parametrize("character", ["\x00", "\ud800", "\udfff", "\udcff"])
def test_what_cannot_be_stored_is_replaced_in_findings_and_refused_in_facts(character):
    text = f"web{character}1"
    finding = Finding("code", text, column=text, vm_name=text, moref=text, instance_uuid=text)
    told = [value for name, value in asdict(finding).items() if name not in {"code", "severity"} and value]
    assert told == ["web\ufffd1"] * 5
    assert str(SourceError("code", text)) == "web\ufffd1"
    with pytest.raises(ValueError, match="it contains"):
        facts.stripped(text)


@pytest.mark.parametrize("text", ["", "web", "Zürich\n\x01", "\U0001f600"])
def test_what_can_be_stored_is_left_as_it_is(text):
    assert facts.storable(text) == text
    assert facts.stripped(text) == (text.strip() or None)
