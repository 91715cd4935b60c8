"""The fields of lists that come in pages: how many, from where on, and where the next page begins."""

from typing import Annotated

from pydantic import Field

Limit = Annotated[int, Field(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[str | None, Field(description="`next` of the page before.")]
Next = Annotated[str | None, Field(description="Pass it as `cursor` for the next page; null on the last.")]
