"""The edition as one HTML page that needs nothing else: no script, no font, no picture from afar."""

from pathlib import Path

from markupsafe import Markup

from chassis.web.pages import page_environment
from services.reporting.editions.charts import chart
from services.reporting.editions.view import Division, View

HERE = Path(__file__).parent


def page(view: View) -> str:
    """The whole text of the page."""
    environment = page_environment(view.language, [HERE / "templates"], view.words)
    return environment.get_template("annual.html").render(view=view, picture=_picture)


def _picture(division: Division) -> Markup:
    # Made of our own numbers and escaped words.
    return Markup(chart(division))  # noqa: S704 - every word of it is escaped where it is drawn
