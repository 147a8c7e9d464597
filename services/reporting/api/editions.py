"""HTTP in: which editions are out, what each holds, and its files as they were laid out."""

from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.web import BearerCaller, KeyLookup, Refusal, Shown
from contracts.callers import Caller
from contracts.identifiers import Mint
from services.reporting.api.asking import ROLES, UNCHANGED
from services.reporting.exports.answering import file_answer
from services.reporting.use_cases.recalling import (
    Held,
    Out,
    hold_edition,
    list_editions,
    open_file,
)

Number = Annotated[int, Path(ge=1, le=2**31, description="As `GET /editions` numbers them.")]
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}},
    304: {"description": "The file is the one of the `If-None-Match` given."},
}


class Published(Shown):
    """An edition of the report that is out, over days `from` ≤ day < `to`."""

    number: int
    audience: Literal["public", "internal"]
    start: date = Field(serialization_alias="from")
    end: date = Field(serialization_alias="to")
    as_of: datetime


class EditionFile(Shown):
    """A file of an edition. size: in bytes; sha256: what the manifest says of it, too."""

    language: str
    name: str
    size: int
    sha256: str


class WholeEdition(Published):
    """What an edition holds.

    figures: indicators as wholes; tables: by which they are divided; hiding: of both, how many hide a
    number. revises: the moment of the edition of the same days that it corrects; moved: figures that
    read otherwise than in that. files: none until they are laid out, which takes some seconds.
    """

    figures: int
    tables: int
    hiding: int
    revises: datetime | None
    moved: int
    files: list[EditionFile]


def router(*, web: AsyncEngine, key_of: KeyLookup, mint: Mint) -> APIRouter:
    """The routes, for whoever sees figures; an internal edition is the committee's own."""
    routes = APIRouter(prefix="/editions", tags=["editions"])
    caller = BearerCaller(audience="reporting", key_of=key_of, clock=mint.moment).having(*ROLES)
    reader = Annotated[Caller, Depends(caller)]

    @routes.get("", dependencies=[Depends(caller)])
    async def show_editions() -> list[Published]:
        """What is out, in the order in which it came out."""
        return [Published(**_published(one)) for one in await list_editions(web)]

    @routes.get("/{edition}", response_model=WholeEdition, responses=UNCHANGED)
    async def show_edition(
        edition: Number, request: Request, response: Response, *, who: reader
    ) -> WholeEdition | Response:
        """What one edition holds, what it corrects, and its files."""
        async with web.connect() as connection:
            held = await hold_edition(connection, edition, who=who)
        if held is None:
            raise _no_edition()
        shown = _whole(held)
        tag = f'"{sha256(shown.model_dump_json().encode()).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        response.headers["ETag"] = tag
        return shown

    @routes.get("/{edition}/files/{language}/{name}", response_class=Response, responses=_FILE)
    async def get_file(
        edition: Number, language: str, name: str, *, request: Request, who: reader
    ) -> Response:
        """One file: the report as a page or a PDF, its tables, its manifest or the signature of it."""
        async with web.connect() as connection:
            file = await open_file(connection, edition, language=language, name=name, who=who)
        if file is None:
            raise _no_edition()
        return file_answer(request, file, name=name)

    return routes


def _no_edition() -> Refusal:
    """Also where one is not for whoever asks."""
    return Refusal(404, "no_such_edition", "There is no such edition or file")


def _published(one: Out) -> dict[str, Any]:
    return {
        "number": one.number,
        "audience": one.audience,
        "start": one.first_day,
        "end": one.end_day,
        "as_of": one.as_of,
    }


def _whole(held: Held) -> WholeEdition:
    return WholeEdition(
        **_published(held.out),
        figures=held.figures,
        tables=held.tables,
        hiding=held.hiding,
        revises=held.revises,
        moved=held.moved,
        files=[
            EditionFile(language=one.language, name=one.name, size=one.size, sha256=one.digest)
            for one in held.files
        ],
    )
