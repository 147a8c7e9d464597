"""The record of who looked at the case: chained, under the roots, and whole for this case."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256

from partners.verify.document import Finding, Leaf, Row

NOBODY = bytes(32)
_FIELDS = 13


def chain_names(case: str, first: datetime, last: datetime) -> list[str]:
    """The chains that could hold a look at this case, one a month: known without being told."""
    shard = sha256(case.encode()).digest()[0] % 16
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{shard:x}/{month // 12:04}-{month % 12 + 1:02}" for month in months]


def chain_findings(
    where: str, rows: Sequence[Row], *, chain: str, case: str, leaf: Leaf | None
) -> Iterator[Finding]:
    """Everything wrong with one chain. leaf: where the root has it; None when it began later."""
    tag, head, heads = sha256(f"case:{case}".encode()).digest(), NOBODY, [NOBODY]
    for nth, row in enumerate(rows, start=1):
        if isinstance(row, str):
            if not _is_about(row, chain=chain, number=nth, case=case):
                yield Finding(f"{where} {nth}", "the line is of another place or case")
            said = tag, sha256(row.encode()).digest()
        else:
            said = row
            if row[0] == tag:
                yield Finding(f"{where} {nth}", "a look at this case is hidden")
        head = sha256(head + said[0] + said[1]).digest()
        heads.append(head)
    if leaf is None:
        return
    if len(rows) < leaf.last:
        yield Finding(f"{where} {len(rows) + 1}", f"cut: the root has {leaf.last} rows")
    elif heads[leaf.last] != leaf.head:
        yield Finding(f"{where} 1 to {leaf.last}", "changed: the root has another digest")


def _is_about(line: str, *, chain: str, number: int, case: str) -> bool:
    fields = line.split("\n")
    return (
        len(fields) == _FIELDS
        and fields[:3] == ["siraba-audit-1", chain, str(number)]
        and fields[8] == case
    )
