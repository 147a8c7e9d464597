"""What is fixed when a row is leased: number, chain, headers, signature, its place in the trace."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.relay.rows import Chain, Row, as_text, lease, subject_of
from chassis.telemetry import Hop
from contracts.envelope import SIGNATURE, Envelope, encode_headers
from contracts.evidence import CHAIN_START, chain_digest
from contracts.signing import Signer, signed_payload
from contracts.topology import OUT


class _Stamped(NamedTuple):
    """A row with what is fixed about it; payload: what is signed, None for one of no subject."""

    row: Row
    number: int | None
    hop: str | None
    headers: dict[str, str]
    payload: bytes | None

    @property
    def digest(self) -> bytes | None:
        """What the next of its chain will name. A feed has no chain: what was withdrawn is deleted
        there, and the numbers say so."""
        if self.payload is None or self.row.stream == OUT.name:
            return None
        return bytes.fromhex(chain_digest(self.payload))


@dataclass(frozen=True, slots=True)
class Stamper:
    """Turns rows into exact bytes. entropy: n random bytes, for span ids.

    signer: the key to sign with, asked for at each batch.
    """

    source: str
    entropy: Callable[[int], bytes]
    signer: Callable[[], Signer]

    async def stamp(
        self,
        connection: AsyncConnection,
        rows: Sequence[Row],
        *,
        chains: Mapping[tuple[str, str], Chain],
    ) -> list[Row]:
        """The rows with numbers without gaps per (stream, key), in the order given, and leased.

        chains: how far each (stream, key) of these rows is numbered.
        """
        chains = {
            (row.stream, row.sequence_key): chains[row.stream, row.sequence_key] for row in rows
        }
        stamped = [self._stamp(row, chains) for row in rows]
        self._sign(stamped)
        fixed = [
            one.row._replace(headers=as_text(one.headers), hop=one.hop, number=one.number)
            for one in stamped
        ]
        await lease(connection, fixed, chains)
        return fixed

    def _stamp(self, row: Row, chains: dict[tuple[str, str], Chain]) -> _Stamped:
        place = (row.stream, row.sequence_key)
        chain = chains[place]
        number, hop = chain.last + 1, self._hop(row)
        envelope = self._envelope(row, chain, number)
        headers = encode_headers(envelope, hop=hop)
        payload = self._payload(row, headers)
        stamped = _Stamped(row, envelope.feed_sequence, hop, headers, payload)
        chains[place] = Chain(number, stamped.digest or chain.head)
        return stamped

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

    def _payload(self, row: Row, headers: dict[str, str]) -> bytes | None:
        """What is signed; None where the row has no subject: it can never be sent, and must not
        hold back the others."""
        try:
            subject = subject_of(row, self.source.rpartition("/")[2])
        except ValueError:
            return None
        return signed_payload(headers, row.body, subject=subject)

    def _sign(self, stamped: Sequence[_Stamped]) -> None:
        """Our own streams share a signature; in the feeds it would tell what was made together."""
        signer = self.signer()
        ours: list[_Stamped] = []
        for one in stamped:
            if one.payload is None:
                continue
            if one.row.stream == OUT.name:
                one.headers[SIGNATURE] = signer.sign(one.payload, kind="event")
            else:
                ours.append(one)
        texts = signer.sign_events([one.payload or b"" for one in ours])
        for one, text in zip(ours, texts, strict=True):
            one.headers[SIGNATURE] = text

    def _hop(self, row: Row) -> str | None:
        """The id of the send span: below the writer's, or in the trace this partner is shown.

        In a trace that nobody keeps there is none.
        """
        trace = row.started_trace if row.stream == OUT.name else row.trace
        above = Hop.parse(trace)
        if above is None:
            return None
        return str(replace(above, span_id=self.entropy(8).hex())) if above.sampled else trace
