"""What is the same in every AsyncAPI document, whatever travels: the doors, keys and headers."""

from collections.abc import Mapping
from typing import Any, Final

from contracts.releases import VERSION

Document = dict[str, Any]

_HEADERS: Final[Mapping[str, tuple[str, bool]]] = {
    "Nats-Msg-Id": (
        "The same as `ce-id`: JetStream stores a message that comes twice once.",
        False,
    ),
    "ce-specversion": ("CloudEvents version, 1.0.", True),
    "ce-id": ("UUIDv7; the same as `Nats-Msg-Id`.", True),
    "ce-source": ("`/siraba/<service>` or `/partners/<CODE>`.", True),
    "ce-type": ("`ml.siraba.<entity>.<event>.v<major>`.", True),
    "ce-subject": (
        "Inside the case, in a feed its pseudonym, in a request what it is about, or its own id.",
        True,
    ),
    "ce-datacontenttype": ("`application/json`.", True),
    "ce-casesequence": ("Per source and case, without gaps; internal streams only.", False),
    "ce-feedsequence": ("Per source and organisation; in a feed only.", False),
    "ce-causationid": ("Id of the message this one answers.", False),
    "ce-correlationid": ("Inside the case, in a feed or request the referral.", False),
    "ce-previousdigest": ("Digest of the predecessor of its case; internal streams only.", False),
    "ce-traceparent": ("The trace this flow started in.", False),
    "traceparent": ("The hop.", False),
    "siraba-signature": ("DSSE over attributes, subject and body digest.", False),
}

PARTNERS: Final = """\
What an organisation reads and sends over NATS. It has an account of its own, in which it sees its
feed and nothing else; `docs/partners.md` leads from no keys to the first message.

**Reading.** Each organisation has one durable pull consumer on the stream `OUT`, named by its code.
It asks `JSHUB.API.CONSUMER.MSG.NEXT.OUT.<CODE>` and acknowledges each message once its own work is
done; what is not acknowledged comes again. Messages are kept for 90 days. `ce-feedsequence` has no
gaps in what one source says, but for the numbers that a `feed.trimmed` names.

**Asking.** A request is published to `in.<entity>.<verb>.v1`; the server puts the code in. A PubAck
says that it is stored, nothing more. What became of it comes in the feed: the event that followed,
`request.refused` when it was understood and is not possible, `message.rejected` when it was not.

**Signatures.** Every message, either way, bears a DSSE signature (Ed25519) over its `ce-` headers,
its subject and the digest of its body. Read nothing that none of the platform's keys has signed.
For a request the subject is the one it is stored under, `in.<CODE>.<entity>.<verb>.v1`.

**Within a major version** a message only gains optional fields. Ignore fields and types that you do
not know. A code that you do not know is new: do not take it for another.
"""
INSIDE: Final = """\
What Siraba's own services tell each other. No partner can read these streams; they are described so
that whoever works on Siraba, or audits it, knows what they hold. Events are kept for ever.
"""


def framed(id: str, *, title: str, description: str, parts: Document) -> Document:
    """A whole document. parts: its `channels`, `operations` and `messages`."""
    tags = {tag["name"] for message in parts["messages"].values() for tag in message["tags"]}
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:siraba:{id}",
        "info": {
            "title": title,
            "version": f"{VERSION}.0",
            "description": description,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "contact": {"name": "The operator of your platform"},
            "tags": [{"name": tag} for tag in sorted(tags)],
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": parts["channels"],
        "operations": parts["operations"],
        "components": {
            "messages": parts["messages"],
            "messageTraits": {"cloudevent": {"headers": _headers()}},
            "correlationIds": {
                "matter": {
                    "description": "What messages on one matter share: a referral, inside a case.",
                    "location": "$message.header#/ce-correlationid",
                }
            },
            "securitySchemes": {
                "nkey": {
                    "type": "asymmetricEncryption",
                    "description": "NKey: the client signs the server's challenge with an Ed25519 "
                    "key that `siraba-partner init` makes, and of which only its owner has the seed.",
                }
            },
        },
    }


def _servers() -> Document:
    secured = [{"$ref": "#/components/securitySchemes/nkey"}]
    return {
        "platform": {
            "host": "{host}:{port}",
            "protocol": "nats",
            "title": "The platform, over TLS",
            "description": "TLS 1.2 or 1.3, always. Refuse a server that offers to go on without.",
            "variables": {
                "host": {"description": "As the operator tells you."},
                "port": {"default": "8422", "description": "As the operator tells you."},
            },
            "security": secured,
            "tags": [{"name": "tls"}],
        },
        "sandbox": {
            "host": "127.0.0.1:{port}",
            "protocol": "nats",
            "title": "A platform or sandbox on your own machine",
            "description": "On the loopback address alone, and so without TLS.",
            "variables": {"port": {"default": "4222", "description": "As it says when it starts."}},
            "security": secured,
            "tags": [{"name": "loopback"}],
        },
    }


def _headers() -> Document:
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": text} for name, (text, _) in _HEADERS.items()
        },
        "required": [name for name, (_, required) in _HEADERS.items() if required],
    }
