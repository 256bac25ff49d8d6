"""OpenAI's filters over attributes: a comparison, or several joined by ``and`` and ``or``."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Value = str | bool | float
DEEPEST = 8
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


class Comparison(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"] = "eq"
    key: str
    value: Value | list[Value]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Whether a document's metadata are like that. What is not there equals nothing."""
        found = metadata.get(self.key)
        match self.type:
            case "eq":
                return found is not None and bool(found == self.value)
            case "ne":
                return bool(found != self.value)
            case "in":
                return found in self._values()
            case "nin":
                return found not in self._values()
            case _:
                return self._compared(found)

    def _values(self) -> list[Value]:
        return self.value if isinstance(self.value, list) else [self.value]

    def _compared(self, found: Any) -> bool:
        are_numbers = isinstance(found, int | float) and isinstance(self.value, int | float)
        are_texts = isinstance(found, str) and isinstance(self.value, str)
        return (are_numbers or are_texts) and _COMPARE[self.type](found, self.value)


class Compound(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["and", "or"]
    filters: list["Comparison | Compound"] = Field(max_length=100)

    @model_validator(mode="after")
    def _is_not_too_deep(self) -> "Compound":
        if self.depth > DEEPEST:
            raise ValueError(f"at most {DEEPEST} levels of filters")
        return self

    @property
    def depth(self) -> int:
        inner = (each.depth for each in self.filters if isinstance(each, Compound))
        return 1 + max(inner, default=0)

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        join = all if self.type == "and" else any
        return join(each.matches(metadata) for each in self.filters)
