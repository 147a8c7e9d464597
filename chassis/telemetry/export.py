"""Where else spans go: an OTLP backend, when an address is given."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def otlp_processors(endpoint: str | None) -> tuple[SpanProcessor, ...]:
    """A batch processor to `<endpoint>/v1/traces`, or nothing."""
    if endpoint is None:
        return ()
    return (BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")),)
