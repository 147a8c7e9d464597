import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.front import MAX_BODY_BYTES
from deploy.front_server import serve_front


async def echo(request: Request) -> Response:
    body = await request.body()
    answer = {
        "path": request.scope["raw_path"].decode(),
        "query": request.url.query,
        "size": len(body),
        "headers": dict(request.headers),
    }
    response = JSONResponse(answer, headers={"connection": "x-hop", "x-hop": "1", "x-end": "2"})
    response.set_cookie("session", "of-one-caller")
    return response


async def parts(_: Request) -> Response:
    async def three() -> AsyncIterator[bytes]:
        for part in (b"a", b"b", b"c"):
            yield part * 70_000

    return StreamingResponse(three())


@asynccontextmanager
async def running_front() -> AsyncIterator[httpx.AsyncClient]:
    """The front before one real service and one that is away."""
    app = Starlette(
        routes=[
            Route("/intake/parts", parts),
            Route("/intake/{rest:path}", echo, methods=["GET", "POST", "PUT"]),
        ]
    )
    async with serve(app) as target:
        services = {"intake": target, "referral": "http://127.0.0.1:1"}
        async with (
            serve_front(services, host="127.0.0.1", port=0) as address,
            httpx.AsyncClient(base_url=address) as client,
        ):
            yield client


@asynccontextmanager
async def serve(app: Callable[..., Awaitable[None]]) -> AsyncIterator[str]:
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


async def test_a_request_goes_through_as_it_is() -> None:
    async with running_front() as client:
        answer = await client.post("/intake/cases/a%2Fb?x=1&y=%20", content=b"x" * 5000)
    seen = answer.json()
    assert (seen["path"], seen["query"], seen["size"]) == ("/intake/cases/a%2Fb", "x=1&y=%20", 5000)
    assert seen["headers"]["x-forwarded-host"] == seen["headers"]["host"]
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"


async def test_a_get_stays_without_a_body() -> None:
    async with running_front() as client:
        headers = (await client.get("/intake/x")).json()["headers"]
    assert "transfer-encoding" not in headers
    assert "content-length" not in headers


async def test_headers_of_one_hop_end_there() -> None:
    sent = {"connection": "x-mine", "x-mine": "1", "te": "trailers", "x-forwarded-for": "6.6.6.6"}
    async with running_front() as client:
        answer = await client.get("/intake/x", headers=sent)
    seen = answer.json()["headers"]
    assert not {"x-mine", "te"} & set(seen)
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert "x-hop" not in answer.headers
    assert answer.headers["x-end"] == "2"


async def test_one_callers_cookie_is_never_sent_for_another() -> None:
    async with running_front() as client:
        await client.get("/intake/x")
        client.cookies.clear()
        assert "cookie" not in (await client.get("/intake/x")).json()["headers"]


async def test_a_long_answer_is_streamed_whole() -> None:
    async with running_front() as client:
        assert len((await client.get("/intake/parts")).content) == 210_000


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_refused(announced: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(65):
            yield b"x" * (MAX_BODY_BYTES // 32)

    body = b"x" * (2 * MAX_BODY_BYTES) if announced else chunks()
    async with running_front() as client:
        answer = await client.post("/intake/cases", content=body)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 413


async def test_a_body_of_just_the_limit_passes() -> None:
    async with running_front() as client:
        answer = await client.post("/intake/cases", content=b"x" * MAX_BODY_BYTES)
    assert answer.json()["size"] == MAX_BODY_BYTES


async def test_a_service_that_is_away_is_said_to_be() -> None:
    async with running_front() as client:
        answer = await client.post("/referral/x", content=b"{}")
    assert answer.status_code == 502
    assert answer.json()["title"] == "Bad Gateway"


async def test_other_paths_are_the_fronts_own() -> None:
    async with running_front() as client:
        assert (await client.get("/healthz")).status_code == 200
        home = await client.get("/")
        assert (home.status_code, home.headers["location"]) == (302, "/login")
        nothing = await client.get("/secret")
    assert nothing.status_code == 404
    assert "secret" not in nothing.text


@pytest.mark.parametrize("path", ["/intake/metrics", "/intake/readyz", "/referral//metrics"])
async def test_what_is_for_operators_is_not_at_the_public_address(path: str) -> None:
    async with running_front() as client:
        assert (await client.get(path)).status_code == 404
