"""What changed from release to release, worked out from what was released."""

from dataclasses import dataclass

from contracts.compatibility import Change
from contracts.gate import Contract, compare, current, read_contract
from contracts.releases import RELEASED, VERSION, versions_in


@dataclass(frozen=True, slots=True)
class History:
    """The contracts of all versions, oldest first; the last is what the code says now."""

    contracts: tuple[tuple[str, Contract], ...]
    released: frozenset[str]

    @classmethod
    def read(cls) -> "History":
        """From the releases and the code."""
        folders = versions_in(RELEASED)
        then = [(folder.name, read_contract(folder)) for folder in folders]
        names = frozenset(name for name, _ in then)
        now = [] if VERSION in names else [(VERSION, current())]
        return cls((*then, *now), names)

    def of(self, schema: str) -> list[tuple[str, bool, list[Change]]]:
        """(version, whether it is released, changes) of one message, newest first.

        schema: `<channel>/<type>`. The version that it came with has no changes.
        """
        found: list[tuple[str, bool, list[Change]]] = []
        before: Contract | None = None
        for version, contract in self.contracts:
            if schema in contract.schemas:
                is_new = before is None or schema not in before.schemas
                changes = [] if before is None or is_new else _about(schema, before, contract)
                if is_new or changes:
                    found.append((version, version in self.released, changes))
            before = contract
        return found[::-1]


def _about(schema: str, old: Contract, new: Contract) -> list[Change]:
    changes = (one for one in compare(old, new) if one.where.partition(" ")[0] == schema)
    return [one._replace(where=one.where.partition(" body.")[2]) for one in changes]
