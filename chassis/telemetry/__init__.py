"""Traces of the flow without one personal datum: made here, kept in PostgreSQL, sent by OTLP."""

from chassis.telemetry.spans import Hop, Tracing, start_tracing
from chassis.telemetry.store import SpanTable

__all__ = ["Hop", "SpanTable", "Tracing", "start_tracing"]
