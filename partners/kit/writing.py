"""Turns a request into the exact bytes and headers that will travel, and stores them."""

from uuid import UUID

from contracts.envelope import SIGNATURE, Envelope, encode_headers
from contracts.requests import AcknowledgeConsent, Request
from contracts.signing import Signer, signed_payload
from contracts.topology import partner_subject, stored_partner_subject
from partners.kit.edge import Edge
from partners.kit.keys import Keys
from partners.kit.ledger import Ledger
from partners.kit.outbox import Answered, Prepared
from partners.kit.telemetry import hop_of_answer


class Writer:
    """Needs no connection: a request may be written while the platform is away."""

    def __init__(self, *, ledger: Ledger, edge: Edge, keys: Keys):
        self._ledger = ledger
        self._edge = edge
        self._code = keys.code
        self._signer = Signer(keys.signing)

    def store(self, request: Request, answering: Envelope | None = None) -> UUID:
        """Put the request in the outbox; its message id.

        The answer carries the id and the trace of the message it answers: `answering`, or the
        withdrawal it confirms, or the last one about its referral. The same answer to the same unfinished message is one.
        """
        answered = self._answered(request, answering)
        same = self._ledger.outbox.same_answer(request, answered)
        if same is not None:
            return same.id
        envelope = self._address(request, answered)
        self._ledger.outbox.store(
            request,
            envelope=envelope,
            subject=partner_subject(request.name, request.version),
            headers=self._signed(
                request, envelope, hop=hop_of_answer(answered.hop) if answered else None
            ),
            answers=answered.number if answered else None,
            now=self._edge.now(),
        )
        return envelope.id

    def signed_anew(self, one: Prepared) -> dict[str, str]:
        """The headers of a stored request, signed with the key of now: the same where it is the same."""
        unsigned = {name: value for name, value in one.headers.items() if name != SIGNATURE}
        stored = one.subject.replace("in.", f"in.{self._code}.", 1)
        payload = signed_payload(unsigned, one.body, subject=stored)
        return unsigned | {SIGNATURE: self._signer.sign(payload, kind="request")}

    def _signed(self, request: Request, envelope: Envelope, *, hop: str | None) -> dict[str, str]:
        """The headers, signed for the subject under which the platform will store them."""
        headers = encode_headers(envelope, hop=hop)
        stored = stored_partner_subject(self._code, request.name, request.version)
        payload = signed_payload(headers, request.encode(), subject=stored)
        return headers | {SIGNATURE: self._signer.sign(payload, kind="request")}

    def _answered(self, request: Request, answering: Envelope | None) -> Answered | None:
        if answering is not None:
            return self._ledger.outbox.answered(answering.source, str(answering.id))
        if isinstance(request, AcknowledgeConsent):
            return self._ledger.outbox.withdrawing(request.withdrawal_id)
        return self._ledger.outbox.latest_about(request.matter)

    def _address(self, request: Request, answered: Answered | None) -> Envelope:
        id = self._edge.new_id()
        return Envelope(
            id=id,
            source=f"/partners/{self._code}",
            type=request.ce_type(),
            subject=request.matter or str(id),
            correlation_id=request.matter,
            causation_id=answered.id if answered else None,
            started_trace=answered.started_trace if answered else None,
        )
