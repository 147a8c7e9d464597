"""A service that closes a kept connection just as a request goes out on it: who meets a 502?"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from deploy.front import Front
from deploy.front_again import OnceMore
from tests.deploy.test_front import serve

pytestmark = pytest.mark.share("operators")
Wrap = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]
KEY = {"Idempotency-Key": "one"}
BODY = b"x" * 100_000


class Closing:
    """Answers the first request of each connection, and ends at the second, having read all of it."""

    def __init__(self) -> None:
        self.read: list[int] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for nth in range(2):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            _, announced, rest = head.partition(b"content-length: ")
            size = int(rest.split(b"\r\n")[0]) if announced else 0
            self.read.append(len(await reader.readexactly(size)))
            if nth == 0:
                said = str(size).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(said), said))
                await writer.drain()
        writer.close()


@asynccontextmanager
async def front_before(closing: Closing, wrap: Wrap) -> AsyncIterator[httpx.AsyncClient]:
    """The front, with one connection to the service that has been used once."""
    server = await asyncio.start_server(closing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncHTTPTransport() as transport:
        front = Front({"intake": f"http://127.0.0.1:{port}"}, wrap(transport))
        async with serve(front) as url, httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/intake/first")).status_code == 200
            yield client


async def statuses(wrap: Wrap) -> tuple[int, int, int]:
    """Of a question, of a request that has a key, and of one that has none."""
    found = []
    for method, headers in (("GET", {}), ("POST", KEY), ("POST", {})):
        closing = Closing()
        async with front_before(closing, wrap) as client:
            body = BODY if method == "POST" else None
            answer = await client.request(method, "/intake/x", headers=headers, content=body)
        found.append(answer.status_code)
        if answer.status_code == 200 and method == "POST":
            assert closing.read[1:] == [len(BODY)] * 2, "the same body, whole, both times"
            assert answer.text == str(len(BODY))
    return found[0], found[1], found[2]


async def test_what_may_come_twice_goes_out_once_more_and_what_may_not_is_left_to_its_caller() -> (
    None
):
    assert await statuses(OnceMore) == (200, 200, 502)
    # The control: without it each of them meets the end of a connection that it did not choose.
    assert await statuses(lambda transport: transport) == (502, 502, 502)


async def test_whoever_leaves_in_the_middle_of_a_request_is_not_answered_and_no_service_is_blamed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = 0

    class Reads(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal asked
            asked += 1
            await request.aread()
            return httpx.Response(200)

    comes = [{"type": "http.request", "body": b"half", "more_body": True}]
    sent: list[Any] = []

    async def receive() -> Any:
        return comes.pop() if comes else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/intake/x", "raw_path": b"/intake/x",
        "query_string": b"", "scheme": "http", "client": None,
        "headers": [(b"host", b"a"), (b"content-length", b"9"), (b"idempotency-key", b"one")],
    }  # fmt: skip
    await Front({"intake": "http://service"}, OnceMore(Reads()))(scope, receive, send)

    assert (asked, sent, caplog.records) == (1, [], [])


async def test_a_service_that_never_answers_is_asked_twice_and_no_more() -> None:
    asked = 0

    class Ends(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal asked
            asked += 1
            raise httpx.RemoteProtocolError("closed")

    with pytest.raises(httpx.RemoteProtocolError):
        await OnceMore(Ends()).handle_async_request(httpx.Request("GET", "http://service/x"))
    assert asked == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [(httpx.ReadTimeout, 504), (httpx.ConnectTimeout, 502), (httpx.ReadError, 502)],
)
async def test_how_a_service_failed_to_answer_is_logged_without_a_word_of_the_request(
    error: type[httpx.TransportError], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    class Fails(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise error(f"no answer to {request.url}")

    front = Front({"intake": "http://service"}, Fails())
    async with (
        serve(front) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        answer = await client.post("/intake/cases/ML-12", headers=KEY)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    (record,) = [one for one in caplog.records if one.name == "siraba.front"]
    assert record.error_type == error.__name__  # type: ignore[attr-defined]  # of `extra`
    assert "ML-12" not in f"{record.__dict__}"
