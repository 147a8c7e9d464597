"""Reads a directory file: which organisations exist, what each offers, to whom and where."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from contracts.vocabulary import Region, Term, codes

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)
# YAML knows lists only; everything else must have its exact type, or 01 becomes the number 1.
_FROM_LIST = Field(strict=False)
_Age = Annotated[int, Field(ge=0, le=120)]


class DirectoryError(ValueError):
    """A directory file cannot be used; the message has one line per fault, by organisation."""


class OfferedService(BaseModel):
    """One service an organisation gives, and to whom; ages in whole years, both ends included."""

    model_config = _STRICT

    service: Annotated[str, Term("service")]
    sexes: Annotated[tuple[Annotated[str, Term("sex")], ...], _FROM_LIST] = ()
    age_min: _Age | None = None
    age_max: _Age | None = None

    @model_validator(mode="after")
    def _ages_in_order(self) -> Self:
        if self.age_min is not None and self.age_max is not None and self.age_min > self.age_max:
            raise PydanticCustomError("ages_reversed", "age_min must not be above age_max")
        return self


class DirectoryEntry(BaseModel):
    """One organisation of the directory; `zones` are CT codes, or `*` alone for everywhere.

    `witness`: it keeps our daily roots, for a channel that has a feed.
    """

    model_config = _STRICT

    code: Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,24}$")]
    kind: Annotated[str, Term("organisation_kind")]
    name_fr: Annotated[str, Field(min_length=1, max_length=160)]
    name_en: Annotated[str, Field(min_length=1, max_length=160)]
    region: Region
    zones: Annotated[tuple[str, ...], _FROM_LIST]
    channel: Annotated[str, Term("channel")]
    services: Annotated[tuple[OfferedService, ...], _FROM_LIST]
    capacity: Annotated[int, Field(ge=1, le=10_000)] | None = None
    witness: bool = False

    @model_validator(mode="after")
    def _zones_make_sense(self) -> Self:
        if self.zones == ("*",):
            return self
        if not set(self.zones) <= set(codes("region")):
            raise PydanticCustomError("zones_unknown", "zones must be * alone or CT codes")
        if self.region not in self.zones:
            raise PydanticCustomError("home_outside_zones", "region must be one of the zones")
        return self

    @model_validator(mode="after")
    def _services_make_sense(self) -> Self:
        offered = [offer.service for offer in self.services]
        if len(set(offered)) < len(offered):
            raise PydanticCustomError("service_twice", "services must name each service once")
        if self.witness and self.channel == "desk":
            raise PydanticCustomError("witness_without_feed", "witness must have a feed")
        if self.capacity is not None and "shelter" not in offered:
            raise PydanticCustomError("capacity_without_beds", "capacity is for shelter only")
        return self


def load_directory(path: Path) -> tuple[DirectoryEntry, ...]:
    """The organisations of a YAML file, in its order; raises DirectoryError with every fault."""
    listed = _listed(path)
    entries: list[DirectoryEntry] = []
    faults: list[str] = []
    for number, raw in enumerate(listed, start=1):
        try:
            entries.append(DirectoryEntry.model_validate(raw))
        except ValidationError as error:
            faults.extend(_faults(_name(raw, number), error))
    counted = Counter(entry.code for entry in entries)
    faults.extend(f"{code}: code is used {n} times" for code, n in counted.items() if n > 1)
    if faults:
        raise DirectoryError("\n".join(faults))
    return tuple(entries)


def _listed(path: Path) -> list[Any]:
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DirectoryError(f"{path.name} cannot be read as UTF-8 text") from error
    except yaml.YAMLError as error:
        raise DirectoryError(f"{path.name} is not valid YAML{_position(error)}") from error
    listed = read.get("organisations") if isinstance(read, dict) else None
    if not isinstance(listed, list) or not listed:
        raise DirectoryError(f"{path.name} has no list called organisations")
    return listed


def _position(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}" if mark is not None else ""


def _name(raw: Any, number: int) -> str:
    code = raw.get("code") if isinstance(raw, dict) else None
    return code if isinstance(code, str) else f"organisation {number}"


def _faults(name: str, error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False):
        field = ".".join(str(part) for part in fault["loc"])
        yield f"{name}: {field + ': ' if field else ''}{fault['msg']}"
