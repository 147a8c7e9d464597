"""Reads what a form sends."""

from fastapi import Request


async def fields(request: Request) -> dict[str, str]:
    """The texts of a form; files are nobody's business here."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}
