"""What an examination found, signed by the organisation that shows it."""

import json
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from contracts.feed import FEED
from contracts.keyring import Keyring, decode_base64url, encode_base64url
from contracts.requests import REQUESTS
from contracts.signing import SignatureRefused, Signer, verify
from contracts.topology import organisation_code
from partners.conformance.catalogue import NAMES

SUITE: Final = "siraba-conformance-1"
#: How a program reaches the platform.
DoorName = Literal["nats", "http"]
MAX_BYTES: Final = 65_536


class ReportRefused(Exception):
    """A file that is no report, or that its organisation has not signed; says which, not what it held."""


class Outcome(StrEnum):
    """How a check ended; what needs a failed one is not judged, for it would only fail again."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_JUDGED = "not_judged"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Verdict(_Part):
    """One check; `said` is what was seen, in a sentence, where it did not pass."""

    check: Annotated[str, Field(pattern="^[a-z_]{1,32}$")]
    outcome: Outcome
    milliseconds: Annotated[int, Field(ge=0)]
    said: Annotated[str, Field(max_length=500)] = ""


class Report(_Part):
    """One run, at one of the doors. `contracts` is the digest of the messages it was examined with; `at` its end, UTC."""

    suite: Literal["siraba-conformance-1"] = SUITE
    code: Annotated[str, AfterValidator(organisation_code)]
    door: DoorName = "nats"
    at: AwareDatetime
    contracts: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    verdicts: tuple[Verdict, ...]

    @property
    def conforms(self) -> bool:
        """Whether every check of the suite was made, once, and passed."""
        passed = [one.check for one in self.verdicts if one.outcome is Outcome.PASSED]
        return sorted(passed) == sorted(NAMES) and len(self.verdicts) == len(NAMES)


class _File(_Part):
    report: str
    signature: str


def contracts_digest() -> str:
    """SHA-256 over the schemas of all that a partner reads and sends: which release it is."""
    schemas = [message.model_json_schema() for message in (*FEED, *REQUESTS)]
    return sha256(json.dumps(schemas, sort_keys=True).encode()).hexdigest()


def sign_report(report: Report, key: Ed25519PrivateKey) -> bytes:
    """The file: the report's bytes in base64url, and the organisation's signature over them."""
    payload = report.model_dump_json().encode()
    signature = Signer(key).sign(payload, kind="conformance")
    return _File(report=encode_base64url(payload), signature=signature).model_dump_json().encode()


def claimed_code(content: bytes) -> str | None:
    """Whose report this says it is, to look its keys up; proves nothing. None where it is none."""
    try:
        file = _File.model_validate_json(content[:MAX_BYTES])
        return Report.model_validate_json(decode_base64url(file.report)).code
    except (ValidationError, ValueError):
        return None


def verify_report(content: bytes, keys: Keyring, *, code: str) -> Report:
    """The report in this file, if a key of `code` has signed it that was good when it says it was made.

    The time is the signer's own word: who wants it fresh compares `at` with the clock. Raises
    `ReportRefused`.
    """
    if len(content) > MAX_BYTES:
        raise ReportRefused("larger than any report")
    try:
        file = _File.model_validate_json(content)
        payload = decode_base64url(file.report)
        report = Report.model_validate_json(payload)
    except (ValidationError, ValueError):
        raise ReportRefused("no report of this suite") from None
    if report.code != code:
        raise ReportRefused("the report of another organisation")
    try:
        verify(file.signature, payload, kind="conformance", keys=keys, owner=code, at=report.at)
    except SignatureRefused as refused:
        raise ReportRefused(f"not signed by a key of {code} ({refused.reason})") from None
    return report
