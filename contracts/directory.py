"""An entry of the directory as people write it: the same in the file, through the API, in the tables."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from contracts.referral import ServiceOffered
from contracts.vocabulary import Cercle, Term, codes, is_cercle

EVERYWHERE = "*"
_STRICT = ConfigDict(
    frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, populate_by_name=True
)
# YAML and JSON know lists only; everything else must have its exact type, or 01 becomes the number 1.
_FROM_LIST = Field(strict=False)
_Age = Annotated[int, Field(ge=0, le=120)]
_Name = Annotated[str, Field(min_length=1, max_length=160)]
_Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Shift(BaseModel):
    """When a post is answered, in Mali's time, which is UTC; `until` before `from` is the next day.

    Without days: on every day. A shift belongs to the day on which it begins.
    """

    model_config = _STRICT

    days: Annotated[tuple[Annotated[str, Term("weekday")], ...], _FROM_LIST] = ()
    begins: Annotated[_Clock, Field(alias="from")]
    ends: Annotated[_Clock, Field(alias="until")]


class Contact(BaseModel):
    """A post that is reached, by its name and never a person's; without shifts: at any hour.

    rung: which rung of the ladder it stands on when an answer is late.
    """

    model_config = _STRICT

    post: Annotated[str, Field(min_length=1, max_length=80)]
    rung: Annotated[str, Term("rung")] = "unit"
    phone: Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")] | None = None
    email: Annotated[str, Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,189}$")] | None = None
    duty: Annotated[tuple[Shift, ...], _FROM_LIST] = ()

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.phone is None and self.email is None:
            raise PydanticCustomError("unreachable", "must have a phone or an email")
        return self


class Unit(BaseModel):
    """A place where the organisation is; named by its cercle, unless two lie in one."""

    model_config = _STRICT

    cercle: Cercle
    code: Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,24}$")] | None = None
    contacts: Annotated[tuple[Contact, ...], _FROM_LIST] = ()

    @property
    def name(self) -> str:
        """By which it is told from the organisation's other units."""
        return self.code or self.cercle


class Service(BaseModel):
    """One service an organisation gives, and to whom; ages in whole years, both ends included.

    A list that is left out limits nothing. places: how many there are when none is taken.
    answers_within: how soon it promises to answer.
    """

    model_config = _STRICT

    service: Annotated[str, Term("service")]
    sexes: Annotated[tuple[Annotated[str, Term("sex")], ...], _FROM_LIST] = ()
    age_min: _Age | None = None
    age_max: _Age | None = None
    citizenship: Annotated[tuple[Annotated[str, Term("country")], ...], _FROM_LIST] = ()
    exploitation: Annotated[tuple[Annotated[str, Term("exploitation")], ...], _FROM_LIST] = ()
    places: Annotated[int, Field(ge=1, le=10_000)] | None = None
    answers_within: Annotated[str, Term("urgency")] | None = None

    @model_validator(mode="after")
    def _ages_in_order(self) -> Self:
        if self.age_min is not None and self.age_max is not None and self.age_min > self.age_max:
            raise PydanticCustomError("ages_reversed", "age_min must not be above age_max")
        return self

    def announced(self) -> ServiceOffered:
        """As other services hear of it."""
        shown = self.model_dump(include=set(ServiceOffered.model_fields))
        return ServiceOffered.model_validate(shown)


class DirectoryEntry(BaseModel):
    """One organisation; the first of its units is its seat.

    zones: the regions (CT) and cercles that it serves, or `*` alone for everywhere.
    witness: it keeps our daily roots, for a channel that has a feed.
    """

    model_config = _STRICT

    code: Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,24}$")]
    kind: Annotated[str, Term("organisation_kind")]
    name_fr: _Name
    name_en: _Name
    units: Annotated[tuple[Unit, ...], Field(strict=False, min_length=1, max_length=200)]
    zones: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    channel: Annotated[str, Term("channel")]
    languages: Annotated[tuple[Annotated[str, Term("language")], ...], _FROM_LIST] = ()
    services: Annotated[tuple[Service, ...], _FROM_LIST] = ()
    state: Annotated[str, Term("organisation_state")] = "active"
    witness: bool = False

    @property
    def region(self) -> str:
        """The CT of its seat."""
        return self.units[0].cercle[:2]

    @property
    def is_suspended(self) -> bool:
        """Whether it may not be asked for anything."""
        return self.state == "suspended"

    @property
    def served_regions(self) -> tuple[str, ...]:
        """The regions it serves, at least in part, or `*`."""
        return tuple(dict.fromkeys(zone[:2] for zone in self.zones))

    @property
    def served_cercles(self) -> tuple[str, ...]:
        """The cercles it serves in regions that it does not serve as a whole."""
        return tuple(zone for zone in self.zones if is_cercle(zone))

    @model_validator(mode="after")
    def _zones_make_sense(self) -> Self:
        if self.zones == (EVERYWHERE,):
            return self
        if not set(self.zones) <= {*codes("region"), *codes("cercle")}:
            raise PydanticCustomError(
                "zones_unknown", "zones must be * alone, or CT codes and codes of cercles"
            )
        if any(zone[:2] in self.zones for zone in self.served_cercles):
            raise PydanticCustomError("zone_twice", "zones must not name a region and its cercle")
        if any(not {one.cercle, one.cercle[:2]} & set(self.zones) for one in self.units):
            raise PydanticCustomError("unit_outside_zones", "units must lie in the zones")
        return self

    @model_validator(mode="after")
    def _nothing_is_there_twice(self) -> Self:
        for field, names in (
            ("services", [one.service for one in self.services]),
            ("units", [one.name for one in self.units]),
            ("languages", list(self.languages)),
            ("zones", list(self.zones)),
        ):
            if len(set(names)) < len(names):
                raise PydanticCustomError("twice", "{field} must name each once", {"field": field})
        return self

    @model_validator(mode="after")
    def _witness_has_a_feed(self) -> Self:
        if self.witness and self.channel == "desk":
            raise PydanticCustomError("witness_without_feed", "witness must have a feed")
        return self
