"""CloudEvents in structured JSON, as on HTTP: the same headers and bytes, so that the signature fits.

An attribute is named as its header without `ce-`, its value is text, and `data_base64` holds the
body byte by byte. What the standard has no name for begins with `siraba`.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from contracts.envelope import HOP, SIGNATURE, Rejected, decode_value, encode_value

MEDIA_TYPE: Final = "application/cloudevents+json"
BATCH_MEDIA_TYPE: Final = "application/cloudevents-batch+json"
DATA: Final = "data_base64"
#: The subject that a message lies under, which is signed.
SUBJECT: Final = "sirabasubject"
#: When the stream took it, by which its key is judged (RFC 3339).
RECORDED: Final = "sirabarecorded"
#: Where to go on reading, as `after`.
CURSOR: Final = "sirabacursor"
#: The header of an answer that says where to go on, also when nothing came.
CURSOR_HEADER: Final = "Siraba-Cursor"
#: A type that can be: the name of its message, and its major version.
TYPE: Final = re.compile(r"ml\.siraba\.([a-z][a-z_]{0,39}\.[a-z][a-z_]{0,39})\.v([1-9][0-9]{0,2})")

_UUID: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_Text = Annotated[str, Field(min_length=1, max_length=300)]

_OWN: Final = {SIGNATURE: "sirabasignature", HOP: "sirabahop"}
_HEADERS: Final = {attribute: header for header, attribute in _OWN.items()}
_NAME = re.compile(r"[a-z0-9]{1,40}")
_ATTRIBUTES: Final = 40


class RequestEvent(BaseModel):
    """A request as a CloudEvent; every attribute is text and signed, whatever else it has."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    specversion: _Text
    id: Annotated[str, Field(pattern=_UUID)]
    source: _Text
    type: Annotated[str, Field(pattern=f"^{TYPE.pattern}$", max_length=100)]
    subject: _Text
    data_base64: Annotated[str, Field(max_length=100_000)]
    sirabasignature: _Text


def write_structured(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """A message in JSON; headers that belong to a transport alone are left out."""
    event = {}
    for header, value in headers.items():
        name = header.lower()
        if name.startswith("ce-"):
            event[name.removeprefix("ce-")] = decode_value(str(value))
        elif name in _OWN:
            event[_OWN[name]] = str(value)
    return {**event, DATA: base64.b64encode(body).decode("ascii")}


def read_structured(event: Mapping[str, object]) -> tuple[dict[str, str], bytes]:
    """The headers and the body. Raises `Rejected` with the attribute that is missing or wrong.

    What the receiving side adds (`sirabasubject`, `sirabarecorded`, `sirabacursor`) is left out.
    """
    if len(event) > _ATTRIBUTES:
        raise Rejected("wrong_schema", field="body")
    headers = {}
    for name, value in event.items():
        if name in (DATA, SUBJECT, RECORDED, CURSOR):
            continue
        if _NAME.fullmatch(name) is None:  # the sender's own text is not repeated
            raise Rejected("wrong_schema", field="body")
        if not isinstance(value, str):
            raise Rejected("wrong_schema", field=name)
        headers[_HEADERS.get(name) or f"ce-{name}"] = encode_value(value)
    if "ce-id" in headers:
        headers["Nats-Msg-Id"] = headers["ce-id"]
    return headers, _body(event.get(DATA))


def _body(data: object) -> bytes:
    if not isinstance(data, str):
        raise Rejected("missing_attribute", field=DATA)
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise Rejected("wrong_schema", field=DATA) from None
