"""Judges a whole export: messages, chains, roots, audit; every finding names its place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from partners.verify.audit import chain_findings, chain_names
from partners.verify.document import Export, Finding, Leaf, Message, Root
from partners.verify.keys import Keys
from partners.verify.messages import made_at, payload_of, stream_findings
from partners.verify.trees import is_included, leaf_name, shows_none


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. covered: service → until when its record is under a witnessed root."""

    case: str
    messages: int
    looks: int
    covered: dict[str, str]
    findings: tuple[Finding, ...]


def check(export: Export, *, keys: Keys, roots: Sequence[Root], as_of: str | None = None) -> Report:
    """Judge an export by keys and roots that come from elsewhere.

    It must rest on the newest root that the witnesses hold of each service, or of those up to the
    day `as_of`: an older one would let everything since be rolled back unseen.
    """
    newest, findings = _newest(roots, keys=keys, as_of=as_of)
    findings += message_findings(export, keys=keys)
    for service, root in newest.items():
        findings += _root_findings(export, service, root)
    findings += _uncovered(export, newest)
    lines = [row for chains in export.audit.values() for rows in chains.values() for row in rows]
    return Report(
        case=export.case,
        messages=len(export.messages),
        looks=sum(isinstance(row, str) for row in lines),
        covered={service: root.made_at for service, root in newest.items()},
        findings=tuple(findings),
    )


def message_findings(export: Export, *, keys: Keys) -> list[Finding]:
    """What the messages show by themselves: everything but what was cut off at an end."""
    findings = []
    for stream in sorted({"INTAKE", *(message.stream for message in export.messages)}):
        messages = _of_stream(export, stream)
        if not messages:
            findings.append(Finding(f"{stream} 1", "there is no message"))
        findings += stream_findings(stream, messages, case=export.case, keys=keys)
    return findings


def _of_stream(export: Export, stream: str) -> list[Message]:
    return [message for message in export.messages if message.stream == stream]


def _newest(
    roots: Sequence[Root], *, keys: Keys, as_of: str | None
) -> tuple[dict[str, Root], list[Finding]]:
    """The newest witnessed root of each service, and what is wrong with the roots themselves."""
    newest: dict[str, Root] = {}
    seen: dict[tuple[str, str], Root] = {}
    findings = []
    for root in sorted(roots, key=lambda root: root.day):
        where = f"root {root.service} {root.day}"
        at = datetime.fromisoformat(root.made_at)
        fault = keys.fault(root.signature, root.payload, kind="root", owner=root.service, at=at)
        if fault is not None:
            findings.append(Finding(where, fault))
        elif seen.setdefault((root.service, root.day), root).payload != root.payload:
            findings.append(Finding(where, "two roots of one day: the record was told in two ways"))
        elif as_of is None or root.day <= as_of:
            newest[root.service] = root
    if not newest:
        findings.append(Finding("roots", "none that could be relied on"))
    return newest, findings


def _uncovered(export: Export, newest: dict[str, Root]) -> Iterator[Finding]:
    spoke = {message.stream.lower() for message in export.messages}
    for service in sorted({"intake", *spoke, *(root.service for root in export.roots)} - {*newest}):
        yield Finding(service.upper(), "no witnessed root covers it, so its end may be cut off")


def _root_findings(export: Export, service: str, root: Root) -> Iterator[Finding]:
    shown = [one for one in export.roots if one.service == service]
    if not any(one.payload == root.payload for one in shown):
        days = ", ".join(one.day for one in shown) or "none"
        yield Finding(
            f"root {service} {root.day}",
            f"the export does not rest on it but on {days}: it is older, or was rolled back",
        )
        return
    leaves = []
    for nth, leaf in enumerate(export.proofs.get(service, ())):
        if is_included(leaf, root):
            leaves.append(leaf)
        else:
            yield Finding(f"proof {service} {nth}", "does not lead to the root")
    yield from _stream_against(export, service.upper(), leaves, root=root)
    yield from _audit_against(export, service, leaves, root=root)


def _stream_against(
    export: Export, stream: str, leaves: list[Leaf], *, root: Root
) -> Iterator[Finding]:
    messages = _of_stream(export, stream)
    leaf, fault = _placed(leaf_name(stream, export.case), leaves, root)
    if fault is not None:
        yield Finding(stream, fault)
    elif leaf is not None and len(messages) < leaf.last:
        yield Finding(f"{stream} {len(messages) + 1}", f"cut: the root has {leaf.last} messages")
    elif leaf is not None and (
        leaf.last == 0 or sha256(payload_of(messages[leaf.last - 1])).digest() != leaf.head
    ):
        yield Finding(f"{stream} {leaf.last}", "is not the message that the root has")


def _audit_against(
    export: Export, service: str, leaves: list[Leaf], *, root: Root
) -> Iterator[Finding]:
    began = [at for message in export.messages if (at := made_at(message)) is not None]
    chains = export.audit.get(service, {})
    until = datetime.fromisoformat(root.made_at)
    wanted = chain_names(export.case, min(began), until) if began else []
    for chain in sorted({*wanted, *chains}):
        where = f"audit {service} {chain}"
        leaf, fault = _placed(leaf_name("AUDIT", chain), leaves, root)
        if fault is not None and chain in wanted:
            yield Finding(where, fault)
        yield from chain_findings(
            where, chains.get(chain, ()), chain=chain, case=export.case, leaf=leaf
        )


def _placed(name: str, leaves: list[Leaf], root: Root) -> tuple[Leaf | None, str | None]:
    """The chain's leaf, or None where the root shows that there was none; and what is missing."""
    for leaf in leaves:
        if leaf.name == name:
            return leaf, None
    if shows_none(name, leaves, root):
        return None, None
    return None, "no proof says whether the root has it"
