"""Makes the recorded messages of one version: `python -m contracts.recording 1.1`.

`contracts/examples/<version>/bodies.json` says what they are about, in their order; ids, moments,
keys and signatures follow from names, so that making them again makes the same. Only what is sealed
differs each time, since its keys come from the system.

An entry has `channel`, `name` and `body`, and where the usual does not fit: `source` (a service),
`to` or `by` (an organisation), `about` (`ce-subject`), `answers` (`<channel>/<name>` of its cause).
In a body, `$keys`, `$id`, `$root` and `$sealed` stand for what is worked out.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel

from contracts.catalogue import EVENTS, FEED, REQUESTS, SOURCES, Types
from contracts.envelope import SIGNATURE, Envelope, encode_headers
from contracts.event import Message
from contracts.evidence import CHAIN_START, chain_digest
from contracts.feed import EvidenceRooted
from contracts.generate import rendered
from contracts.identifiers import uuid7
from contracts.keyring import (
    Keyring,
    PublicKey,
    Use,
    encode_base64url,
    generate_sealing_key,
    generate_signing_key,
    owner_of,
)
from contracts.reading import partner_source
from contracts.recorded import CHANNELS, EXAMPLES, KEYS, recorded_messages
from contracts.releases import RELEASED, versions_in
from contracts.sealing import Place, seal
from contracts.signing import Kind, Signer, signed_payload
from contracts.structured import RECORDED, SUBJECT, write_structured
from contracts.topology import SERVICES, internal_subject, out_subject, stored_partner_subject

BODIES: Final = "bodies.json"
#: Whose feed is shown, and who asks, unless an entry says otherwise.
PARTNER: Final = "SHELTER_BENKADI_KAYES"
_SINCE: Final = datetime(2026, 11, 1, tzinfo=UTC)
_NOON: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
_TYPES: Final[Mapping[str, Types]] = {"events": EVENTS, "feed": FEED, "requests": REQUESTS}
Entry = Mapping[str, Any]


def entropy(name: str) -> bytes:
    """32 bytes that are no secret, the same for the same name."""
    return sha256(f"siraba example {name}".encode()).digest()


def example_signer(owner: str) -> Signer:
    """Signs as this service or organisation."""
    return Signer(generate_signing_key(entropy(f"signing {owner}")))


def example_key(owner: str, use: Use) -> PublicKey:
    """The public half of the owner's key."""
    generate = generate_signing_key if use == "signing" else generate_sealing_key
    raw = generate(entropy(f"{use} {owner}")).public_key().public_bytes_raw()
    return PublicKey(owner=owner, use=use, key=encode_base64url(raw), valid_from=_SINCE)


def example_keys(owner: str) -> tuple[PublicKey, ...]:
    """All of its public keys; a service but intake opens nothing, and has none to seal to."""
    seals = owner == "intake" or owner not in SERVICES
    uses: tuple[Use, ...] = ("signing", "sealing") if seals else ("signing",)
    return tuple(example_key(owner, use) for use in uses)


def opaque(name: str) -> UUID:
    """A UUIDv4 of this name."""
    return UUID(bytes=entropy(name)[:16], version=4)


class Unsigned(NamedTuple):
    """A message before its signature. owner: who signs it."""

    channel: str
    type: str
    owner: str
    headers: dict[str, str]
    body: bytes
    subject: str

    @property
    def payload(self) -> bytes:
        """What is signed."""
        return signed_payload(self.headers, self.body, subject=self.subject)


@dataclass(slots=True)
class Recorder:
    """Goes through entries in their order; numbers and chains go on from one to the next."""

    _numbers: Counter[tuple[str, str]] = field(default_factory=Counter)
    _heads: dict[tuple[str, str], str] = field(default_factory=dict)

    def record(self, entries: Iterable[Entry]) -> Iterator[tuple[Path, dict[str, str]]]:
        """Each one's path below its version, and content; a service's events share a signature."""
        unsigned = [self._made(entry) for entry in entries]
        for seconds, (one, signature) in enumerate(_signed(unsigned), start=1):
            event = write_structured(one.headers | {SIGNATURE: signature}, one.body)
            at = (_NOON + timedelta(seconds=seconds)).isoformat()
            path = Path(one.channel) / f"{one.type}.json"
            yield path, event | {SUBJECT: one.subject, RECORDED: at}

    def _made(self, entry: Entry) -> Unsigned:
        model = _TYPES[entry["channel"]][f"ml.siraba.{entry['name']}.v1"]
        envelope = _envelope(entry, model)
        # As it was written then, not as a model of today would write it.
        body = _written(_filled(entry["body"], envelope))
        model.model_validate_json(body)
        if entry["channel"] != "requests":
            envelope = self._numbered(envelope, entry)
        made = Unsigned(
            channel=entry["channel"],
            type=envelope.type,
            owner=envelope.source.rpartition("/")[2],
            headers=encode_headers(envelope, hop=_hop(entry)),
            body=body,
            subject=_stream_subject(entry, envelope),
        )
        if made.channel == "events":
            self._heads[envelope.source, envelope.subject] = chain_digest(made.payload)
        return made

    def _numbered(self, envelope: Envelope, entry: Entry) -> Envelope:
        is_feed = entry["channel"] == "feed"
        key = envelope.source, _partner(entry) if is_feed else envelope.subject
        self._numbers[key] += 1
        if is_feed:
            return envelope._replace(feed_sequence=self._numbers[key])
        head = self._heads.get(key, CHAIN_START)
        return envelope._replace(case_sequence=self._numbers[key], previous_digest=head)


def _envelope(entry: Entry, model: type[Message]) -> Envelope:
    channel, id = entry["channel"], _message_id(f"{entry['channel']}/{entry['name']}")
    referral = entry["body"].get("referral_id")
    usual = {"events": opaque("case"), "feed": opaque(f"case {_partner(entry)}")}
    subject = str(entry.get("about") or usual.get(channel) or referral or id)
    return Envelope(
        id=id,
        source=_source(entry, model),
        type=model.ce_type(),
        subject=subject,
        correlation_id=referral if channel == "feed" else subject,
        causation_id=str(_message_id(entry["answers"])) if "answers" in entry else None,
        started_trace=f"00-{_trace(entry)}-{'0' * 15}1-01",
    )


def _source(entry: Entry, model: type[Message]) -> str:
    match entry["channel"]:
        case "events":
            return SOURCES[model.ce_type()]
        case "feed":
            return f"/siraba/{entry.get('source', 'referral')}"
        case _:
            return partner_source(_partner(entry))


def _partner(entry: Entry) -> str:
    code: str = entry.get("to") or entry.get("by") or PARTNER
    return code


def _stream_subject(entry: Entry, envelope: Envelope) -> str:
    match entry["channel"]:
        case "events":
            service = envelope.source.rpartition("/")[2]
            return internal_subject(service, entry["name"], 1, subject_id=envelope.subject)
        case "feed":
            return out_subject(_partner(entry), entry["name"], 1)
        case _:
            return stored_partner_subject(_partner(entry), entry["name"], 1)


def _signed(unsigned: Sequence[Unsigned]) -> Iterator[tuple[Unsigned, str]]:
    """Each with its signature, in the order given."""
    shared: dict[str, Iterator[str]] = {}
    for owner in SERVICES:
        payloads = [
            one.payload for one in unsigned if (one.channel, one.owner) == ("events", owner)
        ]
        shared[owner] = iter(example_signer(owner).sign_events(payloads))
    for one in unsigned:
        if one.channel == "events":
            yield one, next(shared[one.owner])
        else:
            kind: Kind = "request" if one.channel == "requests" else "event"
            yield one, example_signer(one.owner).sign(one.payload, kind=kind)


def _filled(node: Any, envelope: Envelope) -> Any:
    """The body with what is worked out in place."""
    match node:
        case {"$keys": owners}:
            return [_said(key) for owner in owners for key in example_keys(owner)]
        case {"$id": place}:
            return str(_message_id(place))
        case {"$root": said}:
            return _rooted(said)
        case {"$sealed": said}:
            return _sealed(said, envelope)
        case dict():
            return {name: _filled(one, envelope) for name, one in node.items()}
    return node


def _written(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _said(model: BaseModel) -> Any:
    return model.model_dump(mode="json")


def _rooted(said: Mapping[str, Any]) -> Any:
    root = EvidenceRooted.model_validate({**said, "signature": ""}).as_root()
    signature = example_signer(root.service).sign(root.payload, kind="root")
    return _said(EvidenceRooted.of(root, signature))


def _sealed(said: Mapping[str, Any], envelope: Envelope) -> Any:
    """`to`: whose key; `sections`: what it says it holds; `content`: what it holds.

    `message`, `case`: where its place is another than that of the message around it.
    """
    message, case = said.get("message", str(envelope.id)), said.get("case", envelope.subject)
    place = Place(message, said["to"], case, tuple(said["sections"]))
    content = json.dumps(said["content"], ensure_ascii=False).encode()
    return _said(seal(content, place, keys=[example_key(said["to"], "sealing")]))


def _message_id(place: str) -> UUID:
    return uuid7(int(_NOON.timestamp() * 1000), entropy(place))


def _trace(entry: Entry) -> str:
    """One for our side, one for each partner."""
    who = "ours" if entry["channel"] == "events" else _partner(entry)
    return entropy(f"trace {who}")[:16].hex()


def _hop(entry: Entry) -> str:
    place = f"hop {entry['channel']}/{entry['name']}"
    return f"00-{_trace(entry)}-{entropy(place)[:8].hex()}-01"


def made(examples: Path = EXAMPLES) -> dict[str, list[tuple[Path, dict[str, str]]]]:
    """version → (path below it, content) of each of its messages, after all that came before."""
    recorder = Recorder()
    return {
        folder.name: list(recorder.record(json.loads((folder / BODIES).read_bytes())))
        for folder in versions_in(examples)
    }


def write(version: str, *, examples: Path = EXAMPLES) -> int:
    """Write one version's messages, and all keys; 1 for a version that is released and recorded."""
    folder = examples / version
    if (RELEASED / version).exists() and any((folder / name).exists() for name in CHANNELS):
        print(f"{version} is released: its messages stay as they are")  # noqa: T201 - a command
        return 1
    for path, event in made(examples)[version]:
        (folder / path.parent).mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(rendered(event), encoding="utf-8")
    owners = {
        owner for one in recorded_messages(examples) if (owner := owner_of(one.event["source"]))
    }
    keys = Keyring(example_key(owner, "signing") for owner in sorted(owners))
    (examples / KEYS.name).write_text(keys.write() + "\n", encoding="utf-8")
    return 0


def main() -> int:
    """Record the version that is named."""
    parser = argparse.ArgumentParser(description="Make the recorded messages of one version.")
    parser.add_argument("version", help="a folder of contracts/examples with a bodies.json")
    return write(parser.parse_args().version)


if __name__ == "__main__":
    raise SystemExit(main())
