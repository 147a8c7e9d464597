"""Lets a pydantic model say which list a field's code comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from contracts.vocabulary.tables import PLACES, entries

# A longer list (countries, cercles) would bury the sentence that names the fault.
_NAMED_AT_MOST = 40


@dataclass(frozen=True, slots=True)
class Term:
    """Metadata for `Annotated[str, Term("sex")]`: only codes of that list are valid.

    A code that is not in the list fails with the error type `unknown_code`, whose context holds
    `list` and `allowed`; the message never repeats the value. The JSON schema gets an `enum`.
    Raises UnknownList at once for a list that does not exist.
    """

    list_name: str

    def __post_init__(self) -> None:
        # The place lists are known by name, so that Region and Cercle cost no read at import.
        if self.list_name not in PLACES:
            entries(self.list_name)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            _membership(self.list_name), handler(source)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"enum": list(entries(self.list_name))}


def _membership(list_name: str) -> Callable[[str], str]:
    known = entries(list_name)

    def check(value: str) -> str:
        if value not in known:
            raise PydanticCustomError(
                "unknown_code",
                "Not a code of the list {list}; allowed: {allowed}",
                {"list": list_name, "allowed": allowed(list_name)},
            )
        return value

    return check


def allowed(list_name: str) -> str:
    """The codes of a list as words for an error sentence; a long list is counted instead."""
    known = entries(list_name)
    if len(known) > _NAMED_AT_MOST:
        return f"one of the {len(known)} codes of that list"
    return ", ".join(known)


Region = Annotated[str, Term("region")]
Cercle = Annotated[str, Term("cercle")]


def lies_in_region(cercle: str | None, region: str | None) -> None:
    """Raise what a validator raises, where a cercle stands without its region."""
    if cercle is not None and cercle[:2] != region:
        raise PydanticCustomError("cercle_outside", "cercle: must lie in the region")
