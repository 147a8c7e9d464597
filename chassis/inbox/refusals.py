"""Refusing requests without letting whoever asks flood its own feed with the answers."""

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox.rejections import PER_MINUTE
from chassis.outbox import Outgoing
from contracts.event import Message

#: Says to an organisation how many more were refused: (transaction, organisation, body).
TellMore = Callable[[AsyncConnection, str, Mapping[str, Any]], Awaitable[None]]

# In the order of the key, or two batches could lock each other out.
_COUNT = text("""
    insert into refusals (organisation, minute, count, last)
    select organisation, date_trunc('minute', clock_timestamp()), more, last::jsonb
    from unnest(cast(:organisations as text[]), cast(:more as int[]), cast(:last as text[]))
        as given(organisation, more, last)
    order by organisation
    on conflict (organisation, minute)
        do update set count = refusals.count + excluded.count, last = excluded.last
    returning organisation, count as total
""")
_OVER = text("""
    delete from refusals where minute < date_trunc('minute', clock_timestamp())
    returning organisation, count as total, last
""")


async def limited(
    connection: AsyncConnection, messages: Sequence[Outgoing], *, refusal: type[Message]
) -> list[Outgoing]:
    """These messages without the refusals over 60 a minute of one organisation, which are counted."""
    refused: defaultdict[str, list[Outgoing]] = defaultdict(list)
    for one in messages:
        if isinstance(one.message, refusal) and one.organisation is not None:
            refused[one.organisation].append(one)
    if not refused:
        return list(messages)
    found = await connection.execute(
        _COUNT,
        {
            "organisations": list(refused),
            "more": [len(told) for told in refused.values()],
            "last": [told[-1].message.model_dump_json() for told in refused.values()],
        },
    )
    over: set[Any] = set()
    for row in found:
        told = refused[row.organisation]
        room = max(0, PER_MINUTE - (row.total - len(told)))
        over.update(one.id for one in told[room:])
    return [one for one in messages if one.id not in over]


async def sum_up(connection: AsyncConnection, *, by: TellMore) -> None:
    """For every minute that is over and had more, one refusal that stands for all those left."""
    for row in await connection.execute(_OVER):
        if row.total > PER_MINUTE:
            last = json.loads(row.last) if isinstance(row.last, str) else row.last
            await by(connection, row.organisation, last | {"count": row.total - PER_MINUTE})
