"""Reads one case's spans and open business from every service, as the operator's own role."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from chassis import audit
from chassis.audit import Look
from chassis.telemetry.store import COLUMNS
from contracts.callers import Caller
from contracts.case_number import is_case_number
from contracts.topology import SERVICES
from deploy.tracing.way import Remark, Step, Way


class UnknownCase(Exception):
    """Neither a case number nor a case id that is known here."""


_NUMBER = text("select case_id from intake.cases where number = :number")
_SPANS = " union all ".join(f"select {COLUMNS} from {service}.spans" for service in SERVICES)  # noqa: S608 - names of ours
# A case's traces: ours, and the one of each partner; a trace's first span may not know the case.
_STEPS = text(f"""
    with every as ({_SPANS}), traces as (select distinct trace_id from every where case_id = :case)
    select every.* from every join traces using (trace_id)
    where case_id = :case or case_id is null
""")  # noqa: S608 - names of ours
# Each finds less quickly than the one before; what only refers to something is looked for in every row,
# and only where nothing else has the name.
_OWN_NAME = (
    "(select case_id from intake.cases where case_id = :id)",
    "(select case_id from referral.referrals where referral_id = :id)",
)
_BY_NAME = (
    "(select case_id from {service}.outbox where id = :id and case_id is not null)",
    "(select case_id from {service}.spans where trace_id = :trace and case_id is not null limit 1)",
    """(select case_id from {service}.outbox
        where case_id is not null and :text in (correlation_id, causation_id) limit 1)""",
)
_NAMED = text(
    " union all ".join(
        [*_OWN_NAME, *(one.format(service=service) for one in _BY_NAME for service in SERVICES)]
    )
    + " limit 1"
)
_WHERE_AUDITED = text("set local search_path to intake")
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


async def collect(database_url: str, named: str, *, by: Caller) -> tuple[UUID, Way]:
    """The case's id and way, on record before it is shown. Raises `UnknownCase`.

    named: by the case's number or id, or by the id of a referral, a message or a trace of it.
    """
    engine = create_async_engine(database_url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            case_id = await _case_of(connection, named)
            rows = await connection.execute(_STEPS, {"case": case_id})
            steps = tuple(_step(row) for row in rows)
            remarks = tuple(await _remarks(connection, case_id))
            await connection.execute(_WHERE_AUDITED)
            await audit.add(connection, by, [Look(action="trace.opened", case_id=case_id)])
    finally:
        await engine.dispose()
    return case_id, Way(steps=steps, remarks=remarks)


async def find_case(database_url: str, named: str) -> UUID:
    """The case that `collect` would show. Raises `UnknownCase`."""
    engine = create_async_engine(database_url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            return await _case_of(connection, named)
    finally:
        await engine.dispose()


async def _case_of(connection: AsyncConnection, named: str) -> UUID:
    """What is known by no other name is taken for the case's own id."""
    one = await case_id_of(connection, named)
    if is_case_number(named.upper()):
        return one
    given = {"id": one, "text": str(one), "trace": one.hex}
    found = await connection.scalar(_NAMED, given)
    return one if found is None else UUID(str(found))


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


async def _remarks(connection: AsyncConnection, case_id: UUID) -> list[Remark]:
    waiting = await connection.execute(text(_OPEN), {"case": case_id})
    dead = await connection.execute(text(_DEAD), {"subject": str(case_id)})
    parked = await connection.execute(text(_PARKED), {"subject": str(case_id)})
    return [
        *(
            Remark(
                kind="waiting",
                service=row.service,
                where=row.organisation or row.stream,
                what=row.name,
            )
            for row in waiting
        ),
        *(
            Remark(kind="dead", service=row.service, where=row.consumer, what=row.reason)
            for row in dead
        ),
        *(
            Remark(kind="parked", service=row.service, where=row.consumer, what=str(row.waiting))
            for row in parked
        ),
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
