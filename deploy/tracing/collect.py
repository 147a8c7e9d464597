"""Reads one case's spans and open business from every service, as the operator's own role."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from contracts.case_number import is_case_number
from contracts.topology import SERVICES
from deploy.tracing.way import Step, Way


class UnknownCase(Exception):
    """Neither a case number nor a case id that is known here."""


_NUMBER = text("select case_id from intake.cases where number = :number")
_SPANS = " union all ".join(f"select * from {service}.spans" for service in SERVICES)  # noqa: S608 - names of ours
# A case's traces: ours, and the one of each partner; a trace's first span may not know the case.
_STEPS = text(f"""
    with every as ({_SPANS}), traces as (select distinct trace_id from every where case_id = :case)
    select every.* from every join traces using (trace_id)
    where case_id = :case or case_id is null
""")  # noqa: S608 - names of ours
_OPEN = " union all ".join(
    f"""select '{service}' as service, name, organisation, stream from {service}.outbox
        where case_id = :case and sent_at is null and erased_at is null"""  # noqa: S608 - names of ours
    for service in SERVICES
)
_DEAD = " union all ".join(
    f"""select '{service}' as service, consumer, reason, field from {service}.dead_letters
        where subject = :subject and state = 'open'"""  # noqa: S608 - names of ours
    for service in SERVICES
)
_PARKED = " union all ".join(
    f"""select '{service}' as service, consumer, count(*) as waiting from {service}.parked
        where subject = :subject group by consumer"""  # noqa: S608 - names of ours
    for service in SERVICES
)


async def collect(database_url: str, case: str) -> tuple[UUID, Way]:
    """The case's id and way. case: its number or its id. Raises `UnknownCase`."""
    engine = create_async_engine(database_url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            case_id = await case_id_of(connection, case)
            rows = await connection.execute(_STEPS, {"case": case_id})
            steps = tuple(_step(row) for row in rows)
            remarks = tuple(await _remarks(connection, case_id))
    finally:
        await engine.dispose()
    return case_id, Way(steps=steps, remarks=remarks)


async def case_id_of(connection: AsyncConnection, case: str) -> UUID:
    """The id of a case by its number or id. Raises `UnknownCase`."""
    if is_case_number(case.upper()):
        found = await connection.scalar(_NUMBER, {"number": case.upper()})
        if found is None:
            raise UnknownCase("no case has this number here")
        return UUID(str(found))
    try:
        return UUID(case)
    except ValueError:
        raise UnknownCase(
            "not a case number (ML-<CT>-<year>-<6 symbols>-<check symbol>) and not a case id"
        ) from None


async def _remarks(connection: AsyncConnection, case_id: UUID) -> list[str]:
    waiting = await connection.execute(text(_OPEN), {"case": case_id})
    dead = await connection.execute(text(_DEAD), {"subject": str(case_id)})
    parked = await connection.execute(text(_PARKED), {"subject": str(case_id)})
    return [
        *(
            f"{row.service}: {row.name} waits to be sent to {row.organisation or row.stream}"
            for row in waiting
        ),
        *(f"{row.service}: dead letter at {row.consumer}: {row.reason}" for row in dead),
        *(f"{row.service}: {row.waiting} parked at {row.consumer}" for row in parked),
    ]


def _step(row: Any) -> Step:
    attributes = _loaded(row.attributes)
    return Step(
        key=(row.trace_id, row.span_id),
        parent=(row.trace_id, row.parent_id) if row.parent_id else None,
        links=tuple((link["trace_id"], link["span_id"]) for link in _loaded(row.links)),
        name=row.name,
        service=row.service.removeprefix("siraba-"),
        organisation=attributes.get("siraba.organisation"),
        started_at=row.started_at,
        ended_at=row.ended_at,
        failed=row.failed,
    )


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
