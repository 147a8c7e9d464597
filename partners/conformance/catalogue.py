"""What a partner's program is examined on, as data: names that reports carry, and rules in words."""

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """One check; `needs` are those without which its result would say nothing of its own."""

    name: str
    title: str
    rule: str
    needs: tuple[str, ...] = ("offer",)


#: In the order in which they run: later ones change keys.
CATALOGUE: Final = (
    Entry(
        "offer",
        "An offer is answered",
        "An offer is accepted by one request, signed, under your own source and about that referral;"
        " the offer is acknowledged.",
        needs=(),
    ),
    Entry(
        "duplicate",
        "The same message twice",
        "A message that comes again under the same ce-id, elsewhere in the stream, is acknowledged"
        " and not answered again.",
    ),
    Entry(
        "gap",
        "A number is missing",
        "A gap in ce-feedsequence holds nothing back; what comes late under a missing number counts.",
    ),
    Entry(
        "trimmed",
        "Numbers that will not come",
        "feed.trimmed is acknowledged, and the feed goes on.",
    ),
    Entry(
        "poison",
        "What cannot be read",
        "Bytes that are no JSON, no UTF-8 or not of their schema are kept aside or ended: they are"
        " not answered, do not come again and hold nothing back.",
    ),
    Entry(
        "newer",
        "A newer platform",
        "A field that you do not know is let by; a type or version that you do not know is put aside"
        " and the feed goes on.",
    ),
    Entry(
        "unknown_code",
        "A code that you do not know",
        "An offer with a code outside its vocabulary is never taken for something else: it is not"
        " answered, and the feed goes on.",
    ),
    Entry(
        "refused",
        "An acceptance is refused",
        "After request.refused the request is not sent again, and the next offer is answered.",
    ),
    Entry(
        "withdrawal",
        "Consent is withdrawn",
        "consent.withdrawn is confirmed by one consent.acknowledge that names it.",
    ),
    Entry(
        "slow",
        "A slow reader",
        "A message that is delivered again because its acknowledgement was late or lost is answered"
        " once.",
        needs=("offer", "duplicate"),
    ),
    Entry(
        "replay",
        "Everything once more",
        "A feed read again from its beginning is acknowledged and answered by nothing new.",
        needs=("offer", "duplicate"),
    ),
    Entry(
        "signature",
        "Nobody stands behind it",
        "A message that is unsigned, changed, or signed by a stranger is not acted upon.",
    ),
    Entry(
        "rotation",
        "The platform's keys rotate",
        "After keys.published, also after a restart, messages under the new key count and those"
        " stored after the end of the old key do not.",
        needs=("offer", "signature"),
    ),
    Entry(
        "revoked",
        "A key is in doubt",
        "From suspect_from on nothing that this key signs is acted upon, no news of keys either.",
        needs=("offer", "signature", "rotation"),
    ),
)
NAMES: Final = tuple(entry.name for entry in CATALOGUE)
