"""Shows a form again, as it was filled in, to the person over whose form the session ended."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import Response
from starlette.routing import compile_path

from chassis.web.callers import Clock
from chassis.web.keeping import Keeper, NotKept
from chassis.web.problems import Late, Refusal
from chassis.web.session import FORM_FIELD, check_origin
from contracts.callers import Caller

#: What a form carries so that it is known whose it was, and what a page carries until it goes on.
MARK_FIELD: Final = "whose"
KEPT_FIELD: Final = "kept"


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form said. path: where it went to; at: the ids in it."""

    path: str
    at: Mapping[str, Any]
    said: FormData


Show = Callable[[Request, Caller, Typed], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The forms of one service that are shown again; a form that nobody named here is not kept.

    service: named by what was sealed, so that who signed in is sent back to whoever can open it.
    """

    service: str
    keeper: Keeper
    clock: Clock
    _ways: list[tuple[Callable[[str], Mapping[str, Any] | None], Show]] = field(
        default_factory=list, init=False
    )

    def shows(self, path: str, show: Show) -> None:
        """The form that goes to this path of ours is shown by `show`, which does nothing else."""
        self._ways.append((_match(path), show))

    async def keep(self, request: Request, who: Caller | None = None) -> None:
        """Raises Late for a form that may be kept, who: only that person's; Refusal for another site's."""
        form = await request.form()
        mark, path = form.get(MARK_FIELD), _path(request)
        if not isinstance(mark, str) or self._way(path) is None:
            return
        check_origin(request)
        said = [
            (name, text)
            for name, text in form.multi_items()
            if isinstance(text, str) and name not in (FORM_FIELD, MARK_FIELD)
        ]
        try:
            if who is not None:
                self.keeper.require(mark, who)
            kept = self.keeper.keep(mark, {"path": path, "said": said}, now=self.clock())
        except NotKept:
            return
        raise Late(f"{self.service}.{kept}", is_in=who is not None)

    async def keep_on(self, request: Request) -> None:
        """Raises Late, for who comes back too early from signing in on another page."""
        if kept := await _kept_in(request):
            check_origin(request)
            raise Late(kept, is_in=False)

    async def show(self, request: Request, who: Caller) -> Response:
        """What was kept, to its own person. Raises Refusal, also for another site's form.

        The page was made outside of this session, so it knows no word of it; nothing is done by it.
        """
        check_origin(request)
        service, _, sealed = (await _kept_in(request)).partition(".")
        try:
            if service != self.service:
                raise NotKept
            typed = self.keeper.give_back(sealed, who, now=self.clock())
        except NotKept:
            raise Refusal(422, "not_kept", "Nothing was kept for this person") from None
        found = self._way(typed["path"])
        if found is None:  # a form that an older release had
            raise Refusal(422, "not_kept", "Nothing was kept for this person")
        show, at = found
        said = FormData([(name, text) for name, text in typed["said"]])
        return await show(request, who, Typed(typed["path"], at, said))

    def _way(self, path: str) -> tuple[Show, Mapping[str, Any]] | None:
        ways = ((show, match(path)) for match, show in self._ways)
        return next(((show, at) for show, at in ways if at is not None), None)


async def _kept_in(request: Request) -> str:
    return str((await request.form()).get(KEPT_FIELD, ""))


def _match(path: str) -> Callable[[str], Mapping[str, Any] | None]:
    pattern, _, convertors = compile_path(path)

    def match(given: str) -> Mapping[str, Any] | None:
        found = pattern.match(given)
        if found is None:
            return None
        return {name: convertors[name].convert(text) for name, text in found.groupdict().items()}

    return match


def _path(request: Request) -> str:
    return str(request.scope["path"]).removeprefix(str(request.scope.get("root_path", "")))
