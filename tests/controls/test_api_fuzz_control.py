"""The harness that finds no fault in our APIs finds each of these, planted in one."""

import asyncio
from typing import Annotated

import pytest
import schemathesis
from fastapi import Body
from starlette.responses import PlainTextResponse

from chassis.web import Refusal, web_app
from tests.serving import serving
from tests.trust.asking import Asker, Asking

pytestmark = pytest.mark.share("fire")


async def test_the_fuzz_of_an_api_finds_a_handler_that_fails_repeats_or_strays() -> None:
    app = web_app(title="An app with faults", prefix="/faulty")

    @app.post("/fails")
    async def fails(letters: Annotated[list[str], Body()]) -> int:
        return len(letters[0])

    @app.post("/repeats")
    async def repeats(word: Annotated[str, Body()]) -> int:
        raise Refusal(422, "not_a_word", f"{word} is no word")

    @app.post("/strays")
    async def strays(number: Annotated[int, Body()]) -> PlainTextResponse:
        return PlainTextResponse("no", 400)

    @app.post("/lies", response_model=int)
    async def lies(number: Annotated[int, Body()]) -> PlainTextResponse:
        return PlainTextResponse('"none"', media_type="application/json")

    async with serving(app) as base:
        asking = Asking(
            base=f"{base}/faulty",
            schema=schemathesis.openapi.from_dict(app.openapi()),
            askers=[Asker("anybody", dict)],
        )
        await asyncio.to_thread(asking.fuzz, 200, salt=1)

    assert asking.faults > 0
    assert asking.findings.keys() >= {
        "POST /fails: answered 500",
        "POST /repeats: repeated in a 422 what was sent",
        "POST /strays: Undocumented Content-Type (400)",
        "POST /lies: Response violates schema (200)",
    }
