"""What is fixed when a row is leased: its number, its headers, its place in the trace."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.relay.rows import Row, take_numbers
from chassis.telemetry import Hop
from contracts.envelope import Envelope, encode_headers
from contracts.topology import OUT


@dataclass(frozen=True, slots=True)
class Stamper:
    """Turns rows into exact bytes. entropy: n random bytes, for span ids."""

    source: str
    entropy: Callable[[int], bytes]

    async def stamp(self, connection: AsyncConnection, rows: Sequence[Row]) -> list[Row]:
        """The rows with numbers without gaps per (stream, key), in the order given."""
        counts = Counter((row.stream, row.sequence_key) for row in rows)
        last = await take_numbers(connection, dict(counts))
        stamped = []
        for row in rows:
            last[row.stream, row.sequence_key] += 1
            stamped.append(self._stamp(row, last[row.stream, row.sequence_key]))
        return stamped

    def _stamp(self, row: Row, number: int) -> Row:
        hop = self._hop(row)
        to_partner = row.stream == OUT.name
        envelope = Envelope(
            id=row.id,
            source=self.source,
            type=f"ml.siraba.{row.name}.v{row.version}",
            subject=row.subject,
            case_sequence=None if to_partner else number,
            feed_sequence=number if to_partner else None,
            causation_id=row.causation_id,
            correlation_id=row.correlation_id,
            started_trace=row.started_trace,
        )
        headers = encode_headers(envelope, hop=hop)
        return row._replace(headers=json.dumps(headers), hop=hop)

    def _hop(self, row: Row) -> str | None:
        """The id of the send span: below the writer's, or in the trace this partner is shown."""
        above = Hop.parse(row.started_trace if row.stream == OUT.name else row.trace)
        if above is None:
            return None
        return str(replace(above, span_id=self.entropy(8).hex()))
