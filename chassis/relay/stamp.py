"""What is fixed when a row is leased: number, chain, headers, signature, its place in the trace."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.relay.rows import Chain, Row, keep_chains, read_chains, subject_of
from chassis.telemetry import Hop
from contracts.envelope import SIGNATURE, Envelope, encode_headers
from contracts.evidence import CHAIN_START, chain_digest
from contracts.signing import Signer, signed_payload
from contracts.topology import OUT


@dataclass(frozen=True, slots=True)
class Stamper:
    """Turns rows into exact bytes. entropy: n random bytes, for span ids.

    signer: the key to sign with, asked for at each batch.
    """

    source: str
    entropy: Callable[[int], bytes]
    signer: Callable[[], Signer]

    async def stamp(self, connection: AsyncConnection, rows: Sequence[Row]) -> list[Row]:
        """The rows with numbers without gaps per (stream, key), in the order given."""
        places = dict.fromkeys((row.stream, row.sequence_key) for row in rows)
        chains = await read_chains(connection, list(places))
        signer = self.signer()
        stamped = [self._stamp(row, chains, signer) for row in rows]
        await keep_chains(connection, chains)
        return stamped

    def _stamp(self, row: Row, chains: dict[tuple[str, str], Chain], signer: Signer) -> Row:
        place = (row.stream, row.sequence_key)
        chain = chains[place]
        number, hop = chain.last + 1, self._hop(row)
        headers = encode_headers(self._envelope(row, chain, number), hop=hop)
        head = self._sign(row, headers, signer)
        # A feed has no chain: what was withdrawn is deleted there, and the numbers say so.
        chains[place] = Chain(number, None if row.stream == OUT.name else head or chain.head)
        return row._replace(headers=json.dumps(headers), hop=hop)

    def _envelope(self, row: Row, chain: Chain, number: int) -> Envelope:
        to_partner = row.stream == OUT.name
        return Envelope(
            id=row.id,
            source=self.source,
            type=f"ml.siraba.{row.name}.v{row.version}",
            subject=row.subject,
            case_sequence=None if to_partner else number,
            feed_sequence=number if to_partner else None,
            causation_id=row.causation_id,
            correlation_id=row.correlation_id,
            started_trace=row.started_trace,
            previous_digest=None if to_partner else chain.head.hex() if chain.head else CHAIN_START,
        )

    def _sign(self, row: Row, headers: dict[str, str], signer: Signer) -> bytes | None:
        """Add the signature; the digest that the next of the chain will name."""
        try:
            subject = subject_of(row, self.source.rpartition("/")[2])
        except ValueError:
            return None  # it can never be sent, and must not hold back the others
        payload = signed_payload(headers, row.body, subject=subject)
        headers[SIGNATURE] = signer.sign(payload, kind="event")
        return bytes.fromhex(chain_digest(payload))

    def _hop(self, row: Row) -> str | None:
        """The id of the send span: below the writer's, or in the trace this partner is shown."""
        above = Hop.parse(row.started_trace if row.stream == OUT.name else row.trace)
        if above is None:
            return None
        return str(replace(above, span_id=self.entropy(8).hex()))
