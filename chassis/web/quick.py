"""A route that answers what is in order by itself, and leaves all else to FastAPI's own reading."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

#: The answer, or None for a request that is to be read the long way; that must have no effect yet.
Quick = Callable[[Request], Awaitable[Response | None]]


def quick_route(quick: Quick) -> type[APIRoute]:
    """The class of a route whose requests `quick` is shown first.

    What FastAPI reads, it describes and refuses with care, which costs more than all else that is done
    for a request. So it keeps the description and every refusal, and the rest passes it by.
    """

    class QuickRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            documented = super().get_route_handler()

            async def handle(request: Request) -> Response:
                return await quick(request) or await documented(request)

            return handle

    return QuickRoute
