"""Whole numbers in requests: no texts, no booleans, and nothing that the database cannot hold; knows no app."""

from typing import Annotated

from pydantic import Field

MOST = 2**63 - 1
"""What a BIGINT holds."""
Count = Annotated[int, Field(ge=0, le=MOST, strict=True)]
Key = Annotated[int, Field(ge=1, le=MOST, strict=True)]
PathKey = Annotated[int, Field(ge=1, le=MOST)]
"""The same in an address, where everything is text."""
SMALL = 2**31 - 1
"""What an INTEGER holds."""
