"""Reads what a form sends."""

from fastapi import Request
from starlette.datastructures import UploadFile


async def fields(request: Request) -> dict[str, str]:
    """The texts of a form."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def uploaded(request: Request, name: str, *, most: int) -> bytes | None:
    """The file that came under this name, up to one byte more than it may have; None without one.

    It stays in memory: a body has less than what Starlette would lay on a disk.
    """
    file = (await request.form()).get(name)
    if not isinstance(file, UploadFile):
        return None
    try:
        return await file.read(most + 1) or None
    finally:
        await file.close()
