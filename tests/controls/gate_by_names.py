"""A contract gate as one writes it first: types, fields and channels are still there by name."""

from contracts.compatibility import Change
from contracts.gate import Contract


def compare_names(old: Contract, new: Contract) -> list[Change]:
    """What is gone by name."""
    fields = {
        f"{name} {field}"
        for name, schema in old.schemas.items()
        for field in schema["properties"]
        if field not in new.schemas.get(name, {}).get("properties", ())
    }
    gone = {*fields, *(old.schemas.keys() - new.schemas.keys())}
    gone |= old.channels.keys() - new.channels.keys()
    return [Change(one, "gone", True) for one in sorted(gone)]
