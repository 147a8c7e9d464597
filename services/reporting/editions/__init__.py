"""An edition of the annual report as files: a page, a PDF, sheets, a signed manifest; all of them or none."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from services.reporting.editions.manifest import (
    MANIFEST,
    SIGNATURE,
    NoManifest,
    differences,
    digests,
    edition_in,
    manifest,
    relaid,
    written,
)
from services.reporting.editions.page import page
from services.reporting.editions.paper import paper
from services.reporting.editions.sheets import write_sheets
from services.reporting.editions.view import view_of
from services.reporting.use_cases.drawing import Drawn

__all__ = [
    "MANIFEST", "SIGNATURE", "NoManifest", "differences", "edition_in", "manifest", "relaid",
    "write_edition",
]  # fmt: skip


def write_edition(
    drawn: Drawn, out: Path, *, language: str, sign: Callable[[bytes], str]
) -> tuple[Path, ...]:
    """Write every file beside the folder, then give it its name; which files there are.

    Raises FileExistsError where the folder holds something, and OSError; then nothing is left.
    """
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out}: holds something; choose another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        _write(drawn, draft, language=language, sign=sign)
        draft.chmod(0o755)
        draft.replace(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return tuple(sorted(one for one in out.rglob("*") if one.is_file()))


def _write(drawn: Drawn, folder: Path, *, language: str, sign: Callable[[bytes], str]) -> None:
    view = view_of(drawn, language)
    (folder / f"report-{language}.html").write_text(page(view), "utf-8")
    (folder / f"report-{language}.pdf").write_bytes(paper(view))
    write_sheets(view, folder)
    content = written(manifest(drawn) | {"files": digests(folder)})
    (folder / MANIFEST).write_bytes(content)
    (folder / SIGNATURE).write_text(sign(content) + "\n", "utf-8")
