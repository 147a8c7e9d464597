"""Serves the front inside the platform's own process."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import httpx
import uvicorn

from deploy.embedded.processes import ServerError
from deploy.front import Front
from deploy.front_again import OnceMore
from deploy.front_people import APP, PEOPLE


def front_paths(service_urls: Mapping[str, str]) -> dict[str, str]:
    """The services by the first part of a path; the doors of partners and people are referral's."""
    paths = dict(service_urls)
    if "intake" in paths:
        paths |= dict.fromkeys(APP, paths["intake"])
    if "referral" in paths:
        paths |= dict.fromkeys(("partners", *PEOPLE), paths["referral"])
    return paths


class _Server(uvicorn.Server):
    """The platform decides when to stop, so that children end in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave Ctrl-C and SIGTERM to the platform."""
        yield


@asynccontextmanager
async def serve_front(services: Mapping[str, str], *, host: str, port: int) -> AsyncIterator[str]:
    """Serve `services` (URL by path prefix) at one address; yields that address."""
    listener = _listen(host, port)
    limits = httpx.Limits(max_connections=500, max_keepalive_connections=50, keepalive_expiry=2)
    # Idle connections are dropped before the services drop them, but for a service that ends.
    async with httpx.AsyncHTTPTransport(limits=limits) as transport:
        server = _Server(_config(Front(services, OnceMore(transport))))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


def _config(app: Front) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, or asyncio leaves Nagle's delay on: 40 ms on each answer of a kept connection.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = error.strerror
        raise ServerError(f"cannot listen on {host} port {port}: {reason}") from None
    return listener
