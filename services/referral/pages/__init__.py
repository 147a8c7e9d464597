"""The pages of referral: signing in and the directory, for everybody, and an organisation's desk."""

from pathlib import Path

from fastapi import FastAPI

from chassis.web import Pages
from services.referral.pages.account import add_account
from services.referral.pages.amending import add_amending
from services.referral.pages.approving import add_approving
from services.referral.pages.choices import add_choices
from services.referral.pages.confirming import add_confirming
from services.referral.pages.desk import ROLES, add_desk
from services.referral.pages.directory import add_directory
from services.referral.pages.door import PeoplesDoor, add_door
from services.referral.pages.handing_in import add_handing_in
from services.referral.pages.people import add_people
from services.referral.pages.plans import add_plans
from services.referral.pages.proceedings import add_proceedings
from services.referral.pages.provided import add_provided
from services.referral.pages.standing import DeskPages

__all__ = ["ROLES", "DeskPages", "PeoplesDoor", "add_pages", "layout"]
HERE = Path(__file__).parent


def layout() -> Pages:
    """Our templates and words, before the chassis's own."""
    return Pages(templates=[HERE / "templates"], locales=[HERE / "locale"])


def add_pages(app: FastAPI, door: PeoplesDoor, desk: DeskPages) -> None:
    """All of them."""
    door.entrance.add_again(app)
    add_door(app, door)
    add_provided(app, door)
    add_account(app, door)
    add_people(app, door)
    add_directory(app, door)
    add_amending(app, door)
    add_handing_in(app, door)
    add_approving(app, door)
    add_desk(app, desk)
    add_choices(app, desk)
    add_confirming(app, desk)
    add_proceedings(app, desk)
    add_plans(app, desk)
