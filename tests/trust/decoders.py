"""Every place where bytes from outside become a value, with what it may say instead."""

import email.parser
import io
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any, cast
from uuid import UUID

import openpyxl
from hypothesis import strategies as st
from nats.js.api import RawStreamMsg

from chassis.inbox import Raw
from contracts.callers import (
    RoleForbidden,
    TokenRefused,
)
from contracts.case_number import is_case_number, make_case_number
from contracts.catalogue import EVENTS, FEED, REQUESTS
from contracts.envelope import Envelope, Rejected, decode_headers
from contracts.feed import DossierDisclosed
from contracts.reading import read_event, read_feed, read_request
from contracts.requests import DeclineReferral
from contracts.sealing import Place, Sealed, SealingRefused, open_sealed, seal
from contracts.signing import SignatureRefused, verify_message
from partners.kit.answers import parse_policy
from partners.kit.dossiers import open_dossier
from partners.kit.errors import KeysRefused
from partners.kit.keys import Keys
from services.intake.imports import ImportFileError, read_cases
from services.reporting.domain import PARAMETERS, BadWindow, read_window
from tests.builders import (
    NOON,
    TODAY,
    a_case,
    event_headers,
    event_subject,
    request_headers,
    stored_subject,
)
from tests.contracts.letters import KEYS, SEALING_KEY, a_letter, public, signed
from tests.trust.forged import (
    CODE,
    SIGNING,
    cookies,
    folders,
    loaded,
    loaded_platform,
    person,
    tokens,
    verified,
)
from tests.trust.garbling import (
    MONSTERS,
    TEXT,
    garbled,
    garbled_archive,
    garbled_headers,
    garbled_json,
    garbled_text,
)
from tests.trust.tormenting import Decoder

CASE = "6b3f6a2e-4d0a-4c52-9d84-6f6c5f0f6f11"
EVENT = a_case()
REQUEST = DeclineReferral(referral_id=UUID(CASE), reason="capacity")
OFFER: dict[str, Any] = {
    "referral_id": CASE,
    "service": "shelter",
    "urgency": "urgent_72h",
    "region": "12",
    "sex": "female",
    "age_band": "12-14",
    "citizenship": ["MLI"],
    "exploitation": ["domestic_work"],
    "ground": "consent",
}
PLACE = Place("m-1", "SHELTER_A", "case-1", ("G2",))
SEALED_KEY = public(SEALING_KEY, owner="SHELTER_A", use="sealing")
LETTER = signed(a_letter())
Strategy = st.SearchStrategy[Any]


def _messages(
    subject: str, headers: Mapping[str, str], body: Any, types: Iterable[str]
) -> Strategy:
    """(subject, headers, body), of which one or all are garbled; the type may be another's."""
    kinds = st.just(dict(headers)) | st.sampled_from(sorted(types)).map(
        lambda kind: {**headers, "ce-type": kind}
    )
    return st.tuples(
        st.just(subject) | garbled_text(subject),
        kinds | kinds.flatmap(garbled_headers),
        garbled_json(body),
    )


def _again(stored: tuple[str, dict[str, str], bytes]) -> object:
    """A message read again from its stream, as a retry of a dead letter does."""
    subject, headers, body = stored
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    parsed = email.parser.BytesParser().parsebytes(lines.encode("utf-8", "surrogatepass"))
    raw = Raw.stored(
        "INTAKE",
        RawStreamMsg(
            subject=subject,
            seq=1,
            data=body,
            headers=dict(parsed.items()),
            time=cast(datetime, "2026-11-24T12:00:00.123456789Z"),  # a text, whatever its type says
        ),
    )
    return read_event(raw.subject, raw.headers, raw.body), raw.digest, raw.message_id


def _workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in ROWS:
        sheet.append(row)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


ROWS: list[list[Any]] = [
    ["prs_Gender", "prs_Citizenship", "prs_Birthdate", "siraba_needs", "siraba_consent", "Notes"],
    ["Feminine", "Mali", date(2012, 3, 1), "shelter;health", "shelter=given", "a"],
    ["female", "MLI", "01/03/2012", "shelter", "shelter=given;health=refused", "b"],
]
TABLE = "\r\n".join(",".join(map(str, row)) for row in ROWS).encode()


# Longer ones no spreadsheet and no reader of CSV lets through.
CELLS = st.sampled_from(MONSTERS).map(lambda text: text.decode("latin-1")) | st.builds(
    lambda piece, count: piece * count, TEXT, st.integers(1, 3_000)
)


def _with_cell(column: str, cell: str) -> bytes:
    quoted = cell.replace('"', '""')
    return f'prs_Gender,prs_Citizenship,{column}\nfemale,MLI,"{quoted}"\n'.encode(
        "utf-8", "surrogatepass"
    )


RECIPIENT = Keys(code="SHELTER_A", seed="", signing=SIGNING, sealing=SEALING_KEY)


def _disclosed(content: bytes) -> tuple[DossierDisclosed, Envelope]:
    """Sealed as it should be, whatever it holds."""
    envelope = Envelope(UUID(CASE), "/siraba/intake", DossierDisclosed.ce_type(), "case-1")
    place = Place(CASE, RECIPIENT.code, "case-1", ("identity",))
    message = DossierDisclosed(
        referral_id=UUID(CASE),
        sections=place.sections,
        ground="consent",
        policy_version="1",
        sealed=seal(content, place, keys=[SEALED_KEY]),
    )
    return message, envelope


NUMBER = make_case_number(region="12", year=2026, entropy=b"abcdef")
KEY_FILE = json.loads(KEYS.write())
SEALED = seal(b'{"identity":{"a":"b"}}', PLACE, keys=[SEALED_KEY]).model_dump(mode="json")

DECODERS: Mapping[str, Decoder] = {
    "the attributes of a message": Decoder(
        garbled_headers(event_headers(EVENT, case_id=CASE, number=1)), decode_headers, (Rejected,)
    ),
    "an event": Decoder(
        _messages(
            event_subject(EVENT, CASE),
            event_headers(EVENT, case_id=CASE, number=1),
            json.loads(EVENT.encode()),
            EVENTS,
        ),
        lambda said: read_event(*said),
        (Rejected,),
    ),
    "a partner's request": Decoder(
        _messages(
            stored_subject(CODE, REQUEST),
            request_headers(CODE, REQUEST),
            json.loads(REQUEST.encode()),
            REQUESTS,
        ),
        lambda said: read_request(*said),
        (Rejected,),
    ),
    "a message of a partner's feed": Decoder(
        _messages(
            f"out.{CODE}.referral.offered.v1",
            event_headers(EVENT, case_id=CASE, number=1, type="ml.siraba.referral.offered.v1"),
            OFFER,
            FEED,
        ),
        lambda said: read_feed(*said, code=CODE),
        (Rejected,),
    ),
    "a dead letter that is tried again": Decoder(
        _messages(
            event_subject(EVENT, CASE),
            event_headers(EVENT, case_id=CASE, number=1),
            json.loads(EVENT.encode()),
            EVENTS,
        ),
        _again,
        (Rejected,),
    ),
    "a case number": Decoder(garbled_text(NUMBER), is_case_number),
    "a caller's token": Decoder(tokens(), verified, (TokenRefused, RoleForbidden)),
    "a session cookie": Decoder(cookies(), person),
    "a workbook": Decoder(
        garbled_archive(_workbook()), partial(read_cases, today=TODAY), (ImportFileError,)
    ),
    "a table of cases": Decoder(
        garbled(TABLE), partial(read_cases, today=TODAY), (ImportFileError,)
    ),
    "a cell made to take long": Decoder(
        st.tuples(st.sampled_from(["siraba_needs", "siraba_consent", *ROWS[0]]), CELLS),
        lambda said: read_cases(_with_cell(*said), today=TODAY),
        (ImportFileError,),
    ),
    "a window of figures": Decoder(
        st.dictionaries(
            st.sampled_from(PARAMETERS) | TEXT,
            garbled_text("2026-11-24") | garbled_text("2026-11-24T12:00:00Z"),
            max_size=3,
        ),
        partial(read_window, now=NOON),
        (BadWindow,),
    ),
    "the platform's public keys": Decoder(garbled_json(KEY_FILE), loaded_platform, (KeysRefused,)),
    "a signed message": Decoder(
        st.tuples(garbled_headers(LETTER.headers), garbled(LETTER.body)),
        lambda said: verify_message(
            *said, subject=LETTER.subject, kind="event", keys=KEYS, at=NOON
        ),
        (SignatureRefused,),
    ),
    "a sealed part": Decoder(
        garbled_json(SEALED),
        lambda text: open_sealed(Sealed.read(text), PLACE, keys={SEALED_KEY.id: SEALING_KEY}),
        (SealingRefused,),
    ),
    "a dossier that a partner opens": Decoder(
        garbled_json({"identity": {"name": "Awa"}}).map(_disclosed),
        lambda said: open_dossier(*said, keys=RECIPIENT),
        (Rejected,),
    ),
    "a partner's folder of keys": Decoder(folders(), loaded, (KeysRefused,)),
    "a partner's policy": Decoder(garbled_text("decline:capacity:2"), parse_policy, (ValueError,)),
}
