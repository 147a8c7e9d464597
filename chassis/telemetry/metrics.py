"""Numbers of one service on the OpenTelemetry API, answered to Prometheus at `/metrics`."""

from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Counter, Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from chassis.telemetry.spans import SCOPE


@dataclass(frozen=True, slots=True)
class Metrics:
    """One service's meter; labels are names and codes of ours, never ids.

    turned_down: counts partners' messages by organisation, outcome (`rejected`, `refused`), reason.
    """

    provider: MeterProvider
    registry: CollectorRegistry
    meter: Meter
    turned_down: Counter

    def text(self) -> bytes:
        """All numbers as they are now, in Prometheus' text format."""
        return generate_latest(self.registry)

    def close(self) -> None:
        """Collect no more."""
        self.provider.shutdown()


def start_metrics(service: str) -> Metrics:
    """A provider and a registry of its own for each service; nothing global is touched."""
    registry = CollectorRegistry()
    provider = MeterProvider(
        metric_readers=[PrometheusMetricReader(scope_info_enabled=False, registry=registry)],
        resource=Resource({"service.name": f"siraba-{service}"}),
        shutdown_on_exit=False,
    )
    meter = provider.get_meter(SCOPE)
    turned_down = meter.create_counter(
        "siraba.partner.turned_down",
        unit="{message}",
        description="Partners' messages that were rejected or refused.",
    )
    return Metrics(provider, registry, meter, turned_down)


def measures(metrics: Metrics) -> APIRouter:
    """`/metrics`, beside the probes."""
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    async def all_numbers() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router
