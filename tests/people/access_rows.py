"""Who may ask what, written down by hand in access.csv, beside the routes as the apps have them."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from fastapi import FastAPI
from starlette.routing import Mount

Door = Literal["token", "page", "form", "open", "inside"]
TABLE = Path(__file__).with_name("access.csv")


@dataclass(frozen=True, slots=True)
class Line:
    """One endpoint.

    door: by what one comes in; `open` needs nothing, `inside` is never behind the one address.
    owner: whose object is asked for. foreign: what another organisation gets of it: `hidden` is the
    answer that nothing has, `shared` the same as everybody, `kept` is the committee's alone. shows: whose cut of the person's fields its own organisation sees.
    """

    service: str
    method: str
    path: str
    door: Door
    owner: str
    foreign: str
    roles: tuple[str, ...]
    shows: str

    @property
    def name(self) -> str:
        """As in a finding."""
        return f"{self.service} {self.method} {self.path}"


def read_lines() -> tuple[Line, ...]:
    """The whole table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(_line(row) for row in csv.DictReader(file))


def _line(row: Mapping[str, str]) -> Line:
    rest = {name: row[name] for name in ("service", "method", "path", "owner", "foreign", "shows")}
    return Line(**rest, door=cast("Door", row["door"]), roles=tuple(row["roles"].split()))


def uncovered(apps: Mapping[str, FastAPI], lines: Sequence[Line]) -> set[str]:
    """What only the routes have, or only the table."""
    served = {
        f"{service} {method} {path}"
        for service, app in apps.items()
        for method, path in _routes(app.routes)
    }
    return served ^ {line.name for line in lines}


def _routes(routes: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Method and path of each, through what FastAPI keeps of an included router."""
    for route in routes:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from _routes(included.routes)
        elif isinstance(route, Mount):
            yield "GET", route.path
        else:
            yield from ((method, route.path) for method in route.methods - {"HEAD"})
