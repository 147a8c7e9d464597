"""What may stand behind the question mark of an API's address: names that its route declares."""

from collections.abc import Iterator

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant

from chassis.web.problems import Violation, rules_broken


def add_api(app: FastAPI, *routers: APIRouter) -> None:
    """Have the app answer programs by these, which refuse a parameter that they do not declare.

    Passed over in silence, a filter with a slip in its name would answer with everything.
    """
    for each in routers:
        app.include_router(each, dependencies=[Depends(_refuse_unknown)])


async def _refuse_unknown(request: Request) -> None:
    known = list(_declared(request.scope["route"].dependant))
    if request.query_params.keys() <= set(known):
        return
    raise rules_broken(Violation(field="*", rule="unknown_parameter", place="query", allowed=known))


def _declared(of: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in of.query_params)
    for below in of.dependencies:
        yield from _declared(below)
