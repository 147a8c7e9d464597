"""That the tests for leaks would find one: the same canaries, without the protection."""

import logging
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, ValidationError
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.intake import CaseRegistered
from tests.builders import CANARY
from tests.chassis.test_database import filled
from tests.parts import Site
from tests.servers import Database


def test_pydantic_repeats_what_it_was_given_unless_told_otherwise() -> None:
    class Plain(BaseModel):
        age: int

    with pytest.raises(ValidationError) as plain:
        Plain.model_validate({"age": CANARY})
    with pytest.raises(ValidationError) as ours:
        CaseRegistered.model_validate({"detected_on": CANARY})

    assert CANARY in str(plain.value)
    assert CANARY not in str(ours.value)


async def test_sqlalchemy_repeats_parameters_unless_told_otherwise(
    fresh_database: Database,
) -> None:
    engine = create_async_engine(fresh_database.url("referral_work"))
    with pytest.raises(ProgrammingError) as failed:
        async with engine.begin() as connection:
            await connection.execute(text("select :x from nowhere"), {"x": CANARY})
    await engine.dispose()

    assert CANARY in str(failed.value)


def test_a_plain_log_and_a_plain_span_hold_what_an_exception_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    try:
        with provider.get_tracer("plain").start_as_current_span("work"):
            raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("plain").exception("failed")

    assert CANARY in caplog.text
    assert "Aminata" in exporter.get_finished_spans()[0].to_json()


def test_a_section_that_is_not_bound_to_its_case_opens_in_another() -> None:
    key, nonce, mine, yours = b"k" * 32, b"n" * 12, uuid4(), uuid4()
    unbound = AESGCM(key).encrypt(nonce, CANARY.encode(), None)

    assert mine != yours
    assert AESGCM(key).decrypt(nonce, unbound, None).decode() == CANARY


async def test_without_row_level_security_the_same_query_shows_every_organisations_cases(
    site: Site,
) -> None:
    await filled(site)
    async with site.parts("intake") as parts, parts.work.connect() as connection:
        numbers = (await connection.execute(text("select number from cases"))).scalars()

        assert sorted(numbers) == ["ML-A", "ML-B"]
