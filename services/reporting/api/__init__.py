"""HTTP in: figures, indicators and exports for programs."""

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.web import KeyLookup
from contracts.identifiers import Mint
from services.reporting.api import boards, editions, exports, figures, indicators, measures
from services.reporting.api.asking import ROLES
from services.reporting.api.publications import PublicationDesk, publication_router
from services.reporting.api.sessions import SessionDesk, session_router

__all__ = [
    "ROLES",
    "PublicationDesk",
    "SessionDesk",
    "boards",
    "publication_router",
    "router",
    "session_router",
]


def router(*, web: AsyncEngine, key_of: KeyLookup, mint: Mint) -> APIRouter:
    """All routes; every one needs a token of an organisation of the directory."""
    routes = APIRouter()
    for each in (figures, indicators, measures, editions, exports):
        routes.include_router(each.router(web=web, key_of=key_of, mint=mint))
    return routes
