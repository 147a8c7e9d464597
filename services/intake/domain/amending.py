"""Adding to what a dossier says: nothing that was written before is lost or replaced."""

from collections.abc import Mapping


def joined(before: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """A section's fields with what was added, below what was there; what is there already is not doubled."""
    whole = dict(before)
    for name, text in added.items():
        said = whole.get(name)
        if not said:
            whole[name] = text
        elif text not in said.split("\n\n"):
            whole[name] = f"{said}\n\n{text}"
    return whole
