"""From a need to whom it goes: those to ask, best first, and why nobody else."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.referral.domain.routing.filtering import exclusion, near, outside
from services.referral.domain.routing.ranking import QUESTIONS, Ranked, ranked
from services.referral.domain.routing.reasons import Reason
from services.referral.domain.routing.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where one need can go. ranked: who may be asked, best first.

    excluded: by reason, the codes of those who give the service and are not asked. others: how many
    organisations do not give it at all.
    """

    view: View
    ranked: tuple[Ranked, ...]
    excluded: tuple[tuple[Reason, tuple[str, ...]], ...]
    others: int

    @property
    def decided_by(self) -> str | None:
        """The first question in which the first differs from the second; None without a second.

        `code` where they differ in none.
        """
        if len(self.ranked) < 2:
            return None
        first, second = self.ranked[:2]
        pairs = zip(QUESTIONS, first.marks, second.marks, strict=True)
        return next((question.name for question, one, other in pairs if one != other), "code")


def route(view: View, asked: Mapping[str, str]) -> Route:
    """Whom to ask for this need. asked: the state of what each was asked for it before."""
    directory, service = view.directory, view.need.service
    giving = directory.by_service.get(service, frozenset())
    those = near(directory, view.case, service)
    fitting: list[Ranked] = []
    excluded: dict[Reason, list[str]] = {}
    if far := giving.difference(one.code for one in those):
        excluded[outside(view.case)] = list(far)
    for one in those:
        why = exclusion(view, one, asked)
        if why is None:
            fitting.append(ranked(view, one))
        else:
            excluded.setdefault(why, []).append(one.code)
    return Route(
        view=view,
        ranked=tuple(sorted(fitting, key=_place)),
        excluded=tuple((why, tuple(sorted(codes))) for why, codes in excluded.items()),
        others=len(directory.by_code) - len(giving),
    )


def _place(one: Ranked) -> tuple[tuple[int, ...], str]:
    return one.marks, one.code
