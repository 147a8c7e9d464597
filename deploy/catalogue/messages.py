"""What the reference says of each message: its words, its fields, an example, who hears it."""

import gettext
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.catalogue import EVENTS, FEED, REQUESTS, SOURCES, Types
from contracts.compatibility import Change
from contracts.event import Message
from contracts.generate import schema_of
from contracts.policy.routing import HEARINGS
from contracts.recorded import Recorded, recorded_messages
from deploy.catalogue.history import History
from deploy.catalogue.rows import Row, rows_of

CHANNELS: Final[Mapping[str, Types]] = {"feed": FEED, "requests": REQUESTS, "events": EVENTS}
#: Who hears what no routing rule names, by the relation to what it is about.
_OTHERWISE: Final = {
    "case.registered": ("sender",),
    "referral.restated": ("recipient",),
    "dossier.disclosed": ("recipient",),
    "consent.withdrawn": ("recipient",),
    "feed.trimmed": ("had_numbers",),
    "keys.published": ("everybody",),
    "evidence.rooted": ("witness",),
    "request.refused": ("sender",),
    "message.rejected": ("sender",),
    "followup.awaited": ("owner",),
    "transfer.offered": ("asked",),
    "transfer.refused": ("owner",),
    "transfer.withdrawn": ("asked",),
    "case.transferred": ("asked", "owner_before"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One message. subject: with `<CODE>` or `<0…15>` in it; more: paragraphs; history: newest first.

    audience: relations of those who hear it, for a message of the feeds.
    """

    channel: str
    name: str
    type: str
    summary: str
    more: tuple[str, ...]
    subject: str
    audience: tuple[str, ...]
    rows: list[Row]
    example: Recorded
    body: str
    history: list[tuple[str, bool, list[Change]]]

    @property
    def path(self) -> str:
        """Below its language."""
        return f"{self.channel}/{self.type.removeprefix('ml.siraba.')}.html"


def audience_of(name: str) -> tuple[str, ...]:
    """Who hears this message of the feeds. Raises KeyError for one that nobody has placed."""
    heard = tuple(hearing.relation for hearing in HEARINGS if hearing.name == name)
    return heard or _OTHERWISE[name]


def message_pages(
    language: str, *, words: gettext.NullTranslations, texts: gettext.NullTranslations
) -> Iterator[Page]:
    """A page for each. words: of the pages; texts: what the contracts' docstrings say."""
    history, examples = History.read(), {(m.channel, m.type): m for m in recorded_messages()}
    for channel, types in CHANNELS.items():
        for type, model in types.items():
            summary, *more = paragraphs(model)
            example = examples[channel, type]
            yield Page(
                channel=channel,
                name=model.name,
                type=type,
                summary=texts.gettext(summary),
                more=tuple(map(texts.gettext, more)),
                subject=_subject(channel, model),
                audience=audience_of(model.name) if channel == "feed" else (),
                rows=rows_of(schema_of(model), language=language, _=words.gettext),
                example=example,
                body=json.dumps(json.loads(example.body), ensure_ascii=False, indent=2),
                history=history.of(f"{channel}/{type}"),
            )


def paragraphs(model: type[Message]) -> list[str]:
    """What the docstring says, each paragraph on one line."""
    return [" ".join(one.split()) for one in (inspect.getdoc(model) or "").split("\n\n")]


def _subject(channel: str, model: type[Message]) -> str:
    typed = f"{model.name}.v{model.version}"
    if channel == "events":
        return f"siraba.{SOURCES[model.ce_type()].rpartition('/')[2]}.{typed}.<0…15>"
    return f"out.<CODE>.{typed}" if channel == "feed" else f"in.{typed}"


def headers_of(example: Recorded) -> dict[str, Any]:
    """Its headers on NATS."""
    return dict(sorted(example.headers.items()))
