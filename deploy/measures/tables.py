"""What the tables say of work that waits, is lost or late, asked by a role that may only read."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from sqlalchemy.engine import make_url

from contracts.topology import FEED_WRITERS, OUT, SERVICES
from deploy.checks import RECEIVED
from deploy.measures.samples import Sample
from deploy.measures.streams import Behind

#: A question that takes longer than this is not worth what it takes from the services.
_PATIENCE: Final = {"statement_timeout": "5000", "default_transaction_read_only": "on"}
_QUANTILES: Final = ("0.5", "0.95", "0.99")

#: By service: what to ask, and for each column of numbers the measure; columns before are labels.
_OF_SERVICE: Final = (
    ("""select count(*), coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)
        from {service}.outbox where sent_at is null and erased_at is null""",
     ("siraba_outbox_waiting", "siraba_outbox_oldest_age_seconds")),
    ("""select count(*) from {service}.outbox
        where withdrawn_at is not null and erased_at is null""",
     ("siraba_outbox_undeleted",)),
    ("""select consumer, count(*), extract(epoch from clock_timestamp() - min(parked_at))
        from {service}.parked group by consumer""",
     ("siraba_parked", "siraba_parked_oldest_age_seconds")),
    ("""select consumer, reason, count(*) from {service}.dead_letters
        where state in ('open', 'retry') group by consumer, reason""",
     ("siraba_dead_letters",)),
    ("""select name, count(*) from {service}.outbox
        where stream = upper('{service}') and sent_at > now() - interval '1 hour' group by name""",
     ("siraba_events_last_hour",)),
    ("""select consumer, extract(epoch from clock_timestamp() - checked_at)
        from {service}.conservation""",
     ("siraba_standing_age_seconds",)),
    ("""select consumer, state, value from {service}.conservation
        cross join lateral (values ('accepted', accepted), ('delivered', delivered),
            ('pending', pending), ('parked', parked), ('dead', dead), ('missing', missing),
            ('unfounded', unfounded)) as counted(state, value)""",
     ("siraba_standing_messages",)),
)  # fmt: skip
_OF_ALL: Final = (
    ("select pg_database_size(current_database())", ("siraba_postgres_bytes",)),
    ("select count(*) from pg_stat_activity where datname = current_database()",
     ("siraba_postgres_connections",)),
    ("""select organisation, count(*), extract(epoch from clock_timestamp() - min(told_at))
        from intake.withdrawals where acknowledged_at is null group by organisation""",
     ("siraba_withdrawals_unacknowledged", "siraba_withdrawal_oldest_age_seconds")),
    ("""select state, count(told.state) from unnest(
            array['waiting', 'sent', 'failed', 'spared', 'acknowledged']) as known(state)
        left join (select case when acknowledged_at is null then state else 'acknowledged' end
                       as state from referral.notices
                   where created_at > now() - interval '1 day') as told using (state)
        group by state""",
     ("siraba_notices_last_day",)),
    (RECEIVED, ("siraba_backup_receiving",)),
)  # fmt: skip
_ANSWERS: Final = ("siraba_partner_turned_down_last_hour",)
_TURNED_DOWN: Final = """
    select organisation, name, sum(told) from ({feeds}) as answers group by organisation, name
"""
_TOLD: Final = """
    select organisation, name, count(*) as told from {service}.outbox
    where stream = 'OUT' and sent_at > now() - interval '1 hour'
      and name in ('message.rejected', 'request.refused') group by organisation, name
"""
# Percentiles of all feeds' rows together: a partner does not care which service wrote its feed.
_DELAYS: Final = """
    select organisation, percentile_cont(array[0.5, 0.95, 0.99]) within group (order by delay)
    from ({feeds}) as delays group by organisation
"""
_SENT: Final = """
    select organisation, extract(epoch from sent_at - created_at)::float8 as delay
    from {service}.outbox where stream = 'OUT' and sent_at > now() - interval '15 minutes'
"""
_TAKEN: Final = """
    select organisation, extract(epoch from at - created_at)::float8 as delay
    from {service}.outbox join {service}.confirmed using (position)
    where stream = 'OUT' and sent_at > now() - interval '1 hour'
"""
#: Exact where our outbox holds what the stream does; what is sent is in a stream once.
_OLDEST: Final = """
    select durable, extract(epoch from clock_timestamp() - min(first)) from unnest(
        cast($1 as text[]), cast($2 as text[]), cast($3 as bigint[]))
        as behind(durable, stream, floor)
    cross join lateral ({feeds}) as waiting group by durable
"""
# By the index of what is unconfirmed, which has the organisation before the place in its stream.
_FIRST: Final = """
    (select sent_at as first from {service}.unconfirmed as sent
     join {service}.outbox using (position)
     where sent.stream = behind.stream
       and sent.organisation %s and sent.stream_sequence > behind.floor
     order by sent.stream_sequence limit 1)
"""
_AGES: Final = ((True, "= behind.durable"), (False, "is null"))


async def measure_tables(url: str, behind: Sequence[Behind]) -> list[Sample]:
    """All of it in one connection, one question after another. Raises asyncpg's errors, OSError.

    behind: the durables whose oldest message is looked for; those of INBOX are not in our tables.
    """
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain, timeout=10, server_settings=_PATIENCE)
    try:
        samples: list[Sample] = []
        for service in SERVICES:
            for question, names in _OF_SERVICE:
                rows = await connection.fetch(question.format(service=service))
                samples += _samples(rows, names, before=(service,))
        for question, names in (*_OF_ALL, (_of_feeds(_TURNED_DOWN, _TOLD), _ANSWERS)):
            samples += _samples(await connection.fetch(question), names)
        samples += await _delays(connection)
        return samples + await _ages(connection, [one for one in behind if one.stream != "INBOX"])
    finally:
        await connection.close()


def _of_feeds(whole: str, part: str, services: Iterable[str] = FEED_WRITERS) -> str:
    return whole.format(feeds=" union all ".join(part.format(service=one) for one in services))


def _samples(
    rows: Iterable[Sequence[Any]], names: Sequence[str], before: tuple[str, ...] = ()
) -> Iterator[Sample]:
    for row in rows:
        values = tuple(row)
        labels, numbers = values[: -len(names)], values[-len(names) :]
        for name, number in zip(names, numbers, strict=True):
            yield Sample(name, (*before, *labels), float(number))


async def _delays(connection: "asyncpg.Connection") -> list[Sample]:
    samples = []
    for name, part in (
        ("siraba_partner_feed_seconds", _SENT),
        ("siraba_partner_taken_seconds", _TAKEN),
    ):
        for organisation, values in await connection.fetch(_of_feeds(_DELAYS, part)):
            pairs = zip(_QUANTILES, values, strict=True)
            samples += [Sample(name, (organisation, which), value) for which, value in pairs]
    return samples


async def _ages(connection: "asyncpg.Connection", behind: Sequence[Behind]) -> list[Sample]:
    samples = []
    for feeds, match in _AGES:
        some = [one for one in behind if (one.stream == OUT.name) == feeds]
        given = zip(*((one.durable, one.stream, one.floor) for one in some), strict=True)
        if not some:
            continue
        question = _of_feeds(_OLDEST, _FIRST % match, SERVICES)
        stream_of = {one.durable: one.stream for one in some}
        for durable, age in await connection.fetch(question, *map(list, given)):
            labels = (stream_of[durable], durable)
            samples.append(Sample("siraba_durable_oldest_age_seconds", labels, float(age or 0)))
    return samples
