"""One server span for each request, named by its route so that no path value is ever kept."""

from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.telemetry.spans import Hop, Tracing, end_failed

PROBES = frozenset({"healthz", "readyz", "metrics"})


class TraceRequests:
    """ASGI middleware; handlers find the hop to hand on in `scope["siraba.hop"]`."""

    def __init__(self, app: ASGIApp, *, tracing: Tracing):
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Span from the first byte of the request to the last of the answer."""
        if scope["type"] != "http" or scope["path"].rpartition("/")[2] in PROBES:
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        # Whoever calls from outside does not choose our trace ids: the root is ours.
        span = self._tracing.start(
            method,
            kind=SpanKind.SERVER,
            below=None,
            attributes={"http.request.method": method},
        )
        scope["siraba.span"] = span
        scope["siraba.hop"] = str(Hop.of(span))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                if message["status"] >= 500:
                    span.set_status(Status(StatusCode.ERROR))
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except BaseException as error:
            end_failed(span, error)
            raise
        route = _route(scope)
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
        span.end()


def _route(scope: Scope) -> str:
    """The matched template below the app's own prefix; a path itself may hold a case number."""
    matched = getattr(scope.get("route"), "path", None)
    return "unmatched" if matched is None else f"{scope.get('root_path', '')}{matched}"
