"""What must come of it, as plainly as it can be said, and with none of the product's code."""

from dataclasses import dataclass, field
from uuid import UUID

#: (state, request) → state, as the design draws it.
NEXT = {
    **{(state, "receive"): "received" for state in ("offered",)},
    **{(state, "accept"): "accepted" for state in ("offered", "received")},
    **{(state, "decline"): "declined" for state in ("offered", "received")},
    ("accepted", "start"): "started",
    ("started", "deliver"): "delivered",
    **{(state, "fail"): "not_delivered" for state in ("accepted", "started")},
}
ENDED = ("declined", "delivered", "not_delivered", "withdrawn")


@dataclass(frozen=True, slots=True)
class Word:
    """A yes or a no. to: "" for all, a kind, or a code; for_shelter: only for that purpose."""

    is_yes: bool
    to: str
    for_shelter: bool

    @property
    def narrow(self) -> tuple[int, int]:
        """How narrowly it names recipient and purpose."""
        return (2 if self.to.isupper() else 1 if self.to else 0), int(self.for_shelter)

    def is_about(self, code: str) -> bool:
        """Whether this shelter is meant."""
        return self.to in ("", "shelter", code)


@dataclass(slots=True)
class Model:
    """own: whose each case is when it counts by itself. under: what it is merged into."""

    own: dict[UUID, str] = field(default_factory=dict)
    under: dict[UUID, UUID] = field(default_factory=dict)
    words: dict[UUID, list[Word]] = field(default_factory=dict)

    def root(self, case_id: UUID) -> UUID:
        """The case under which its person counts."""
        while case_id in self.under:
            case_id = self.under[case_id]
        return case_id

    def owner(self, case_id: UUID) -> str:
        """The one who has the person."""
        return self.own[self.root(case_id)]

    def stands(self, case_id: UUID, code: str) -> bool:
        """Whether this shelter may be told: by the order of words alone, no clock is asked."""
        noes: list[tuple[int, int]] = []
        stands = False
        for word in self.words[case_id]:
            if not word.is_about(code):
                continue
            if not word.is_yes:
                noes.append(word.narrow)
                stands = False
            elif all(word.narrow[0] >= no[0] and word.narrow[1] >= no[1] for no in noes):
                stands = True
        return stands
