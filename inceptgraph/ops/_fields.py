"""Arguments that a function reads: what a spec may write there has more forms than one type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic_core import core_schema

__all__ = ["ReadBy"]


@dataclass(frozen=True, slots=True)
class ReadBy:
    """Annotates a field that ``function`` alone reads and checks.

    Pydantic's own validators would go on to check the type of what the function gives, and take
    milliseconds to build for every operation that has the field.

    Attributes:
        function: takes what a spec writes, or the value itself, and gives the value; raises
            ``PydanticCustomError`` or ``ValueError`` where it cannot.
        schema: the JSON Schema of what a spec may write.
    """

    function: Callable[[Any], Any]
    schema: dict[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.function)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return dict(self.schema)
