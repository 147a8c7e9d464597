"""What the form about an organisation makes of its entry; what the form does not ask for stays."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from contracts.directory import EVERYWHERE, Contact, DirectoryEntry, Service, Unit
from contracts.vocabulary import codes, label

#: On which rung the post stands whose telephone is asked for.
RUNG: Final = "focal_point"
#: The rules of an entry that are about where it serves.
_OF_PLACES: Final = frozenset({"zones_unknown", "zone_twice", "unit_outside_zones"})
Pairs = Sequence[tuple[str, str]]


def as_said(entry: DirectoryEntry) -> list[tuple[str, str]]:
    """What the form holds before anybody has touched it."""
    said = [("name_fr", entry.name_fr), ("name_en", entry.name_en), ("phone", phone_of(entry))]
    said += [("zones", one) for one in entry.zones]
    said += [("languages", one) for one in entry.languages]
    for one in entry.services:
        said.append(("services", one.service))
        said += [(f"sexes-{one.service}", sex) for sex in one.sexes]
        ages = (("age_min", one.age_min), ("age_max", one.age_max))
        said += [(f"{name}-{one.service}", str(age)) for name, age in ages if age is not None]
    return said


def names() -> frozenset[str]:
    """The fields of the form."""
    each = (
        f"{name}-{code}" for name in ("sexes", "age_min", "age_max") for code in codes("service")
    )
    return frozenset({"name_fr", "name_en", "phone", "zones", "languages", "services", *each})


def phone_of(entry: DirectoryEntry) -> str:
    """The number of the focal point at the seat, or nothing."""
    at = _focal_point(entry.units[0].contacts)
    return "" if at is None else entry.units[0].contacts[at].phone or ""


def amended(entry: DirectoryEntry, said: Pairs) -> tuple[DirectoryEntry | None, frozenset[str]]:
    """The entry as it is to be; or None, and which of the form's fields do not fit."""
    try:
        changes = {
            "name_fr": " ".join(_one(said, "name_fr").split()),
            "name_en": " ".join(_one(said, "name_en").split()),
            "units": (_unit(entry.units[0], _phone(said)), *entry.units[1:]),
            "zones": _ordered(entry.zones, _all(said, "zones")),
            "languages": _ordered(entry.languages, _all(said, "languages")),
            "services": _services(entry, said),
        }
        shown = entry.model_copy(update=changes).model_dump(mode="json")
        return DirectoryEntry.model_validate(shown), frozenset()
    except ValidationError as wrong:
        return None, frozenset(_field(error) for error in wrong.errors())


def _field(error: Mapping[str, Any]) -> str:
    """The field of the form that a broken rule is about."""
    if error["type"] in _OF_PLACES:
        return str(error["type"])
    at = error["loc"]
    if error["type"] == "ages_reversed" or (
        at and at[0] in ("service", "sexes", "age_min", "age_max")
    ):
        return "services"
    return "phone" if at and at[0] in ("phone", "post") else str(at[0]) if at else "services"


def _services(entry: DirectoryEntry, said: Pairs) -> tuple[Service, ...]:
    known = {one.service: one for one in entry.services}
    given = _ordered(known, _all(said, "services"))
    return tuple(_service(known.get(code), code, said) for code in given)


def _service(known: Service | None, code: str, said: Pairs) -> Service:
    """With the limits of the form, and those that it does not ask for as they were."""
    kept = {} if known is None else known.model_dump(mode="json")
    sexes = _ordered(known.sexes if known else (), _all(said, f"sexes-{code}"))
    ages = {name: _age(_one(said, f"{name}-{code}")) for name in ("age_min", "age_max")}
    return Service.model_validate({**kept, "service": code, "sexes": sexes, **ages})


def _age(text: str) -> int | str | None:
    """A number, nothing, or what is neither and fits nowhere."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else text or None


def _phone(said: Pairs) -> str:
    return "".join(one for one in _one(said, "phone") if one not in " .-()\u00a0\u202f")


def _unit(seat: Unit, phone: str) -> Unit:
    """The seat, where the focal point has this number; without one it is reached as before or not."""
    posts, at = list(seat.contacts), _focal_point(seat.contacts)
    if at is None:
        if phone:
            post = label("rung", RUNG, "fr")
            posts.append(Contact.model_validate({"post": post, "rung": RUNG, "phone": phone}))
    elif phone or posts[at].email:
        changed = posts[at].model_dump(mode="json") | {"phone": phone or None}
        posts[at] = Contact.model_validate(changed)
    else:
        del posts[at]
    return seat.model_copy(update={"contacts": tuple(posts)})


def _focal_point(contacts: Sequence[Contact]) -> int | None:
    return next((at for at, one in enumerate(contacts) if one.rung == RUNG), None)


def _ordered(before: Iterable[str], given: Sequence[str]) -> tuple[str, ...]:
    """As they stood, and what is new after them; what is there twice stays for the rule against it."""
    kept = [one for one in before if one in given]
    return (*kept, *(one for one in given if one not in kept))


def _one(said: Pairs, name: str) -> str:
    return next((text for field, text in said if field == name), "")


def _all(said: Pairs, name: str) -> list[str]:
    return list(dict.fromkeys(text for field, text in said if field == name))


def zone_choices() -> dict[str, list[str]]:
    """Each region with its cercles, and first of all everywhere."""
    regions = {
        region: [c for c in codes("cercle") if c[:2] == region] for region in codes("region")
    }
    return {EVERYWHERE: [], **regions}
