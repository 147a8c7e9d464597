"""Answers with a file to be kept, or with the word that the reader has it already."""

from hashlib import sha256
from typing import Final

from fastapi import Request, Response

#: By the ending of a file's name.
_MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
    "sig": "text/plain; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def file_answer(request: Request, content: bytes, *, name: str) -> Response:
    """Never shown inside our address: a report brings a style of its own."""
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    headers = {"ETag": tag, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=_MEDIA[name.rpartition(".")[2]], headers=headers)
