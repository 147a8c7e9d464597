"""Decides what one reader may know of one person: matrix, stage and ground, nothing else."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from types import MappingProxyType

from contracts.policy import tables
from contracts.policy.cut import Allowed, Cut, Reader
from contracts.policy.refusals import DisclosureRefused
from contracts.policy.tables import ANY, Cell, Field, FieldName, GroundRule
from contracts.policy.version import VERSION
from contracts.vocabulary import codes, reader_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules as tables; `the_policy()` has the ones in force."""

    version: str
    matrix: Mapping[str, Mapping[str, Cell]]
    stages: Mapping[str, Mapping[str, Cell]]
    ground_rules: tuple[GroundRule, ...]
    fields: Mapping[FieldName, Field]

    def may_know(self, reader: Reader, stage: str, grounds: Collection[str]) -> Cut:
        """The cut for grounds that somebody has judged to stand (`standing`).

        Stages are those of a referral; an owner and a committee read at `accepted`. Raises
        DisclosureRefused for a reader, purpose, stage or ground that the policy does not know.
        """
        _check(reader, stage, grounds)
        judged = {
            group: self._judge(
                group, cell, within=self.stages[stage][group], reader=reader, grounds=grounds
            )
            for group, cell in self.matrix[reader.row].items()
        }
        groups = {group: one for group, one in judged.items() if isinstance(one, Allowed)}
        return Cut(
            policy_version=self.version,
            reader=reader.row,
            stage=stage,
            groups=MappingProxyType(groups),
            withheld=MappingProxyType(
                {group: one for group, one in judged.items() if isinstance(one, str)}
            ),
            fields=frozenset(name for name, one in self.fields.items() if _is_open(one, groups)),
        )

    def carrying(self, reader: Reader, group: str) -> tuple[str, ...]:
        """The grounds that are good for this reader, purpose and sender, for this group."""
        good = {
            rule.ground
            for rule in self.ground_rules
            if rule.reader == reader.row
            and rule.purposes & {ANY, reader.purpose}
            and rule.groups & {ANY, group}
            and rule.from_kinds & {ANY, reader.from_kind}
        }
        return tuple(ground for ground in codes("ground") if ground in good)

    def _judge(
        self, group: str, cell: Cell, *, within: Cell, reader: Reader, grounds: Collection[str]
    ) -> Allowed | str:
        """What is open of one group, or the reason why nothing is."""
        counts = Allowed(access="counts") if cell.has_counts else None
        if cell.access in ("never", "counts"):
            return counts or "never"
        if within.access == "never":
            return counts or "stage"
        if "child_only" in cell.limits and not reader.is_child:
            return "adult"
        access = "state" if "state" in (cell.access, within.access) else "full"
        if reader.relation == "owner" and cell.access != "covered":
            return Allowed(access=access, limits=cell.limits)  # its own file needs no disclosure
        carried = tuple(one for one in self.carrying(reader, group) if one in grounds)
        if not carried:
            return counts or "ground"
        return Allowed(access=access, limits=cell.limits, grounds=carried)


@cache
def the_policy() -> Policy:
    """The rules in force."""
    return Policy(
        version=VERSION,
        matrix=tables.matrix(),
        stages=tables.stages(),
        ground_rules=tables.ground_rules(),
        fields=tables.fields(),
    )


def may_know(reader: Reader, stage: str, grounds: Collection[str]) -> Cut:
    """What this reader may know by the rules in force; see `Policy.may_know`."""
    return _decided(replace(reader, organisation=""), stage, frozenset(grounds))


def good_grounds(reader: Reader) -> frozenset[str]:
    """The grounds that could carry anything to this reader, for its purpose, from this sender."""
    return _good(replace(reader, organisation=""))


def fields_for(reader: Reader, stage: str, grounds: Collection[str]) -> frozenset[FieldName]:
    """(section, name) of every field this reader may be shown; see `Policy.may_know`."""
    return may_know(reader, stage, grounds).fields


def owner_may_see(kind: str, field: FieldName) -> bool:
    """Whether an owner of this kind may see a field of its own case, for which it needs no ground."""
    if reader_of(kind, "owner") is None:
        return False
    reader = Reader(kind=kind, relation="owner", purpose=codes("purpose")[0], is_child=False)
    return field in fields_for(reader, "accepted", ())


# The rules ask for kinds, never for one organisation: a few thousand answers are all there are.
@lru_cache(maxsize=8192)
def _decided(reader: Reader, stage: str, grounds: frozenset[str]) -> Cut:
    return the_policy().may_know(reader, stage, grounds)


@lru_cache(maxsize=8192)
def _good(reader: Reader) -> frozenset[str]:
    return frozenset(
        ground for group in codes("data_group") for ground in the_policy().carrying(reader, group)
    )


def _is_open(one: Field, groups: Mapping[str, Allowed]) -> bool:
    return all(group in groups and groups[group].shows(one) for group in one.groups)


def _check(reader: Reader, stage: str, grounds: Collection[str]) -> None:
    if reader.purpose not in codes("purpose"):
        raise DisclosureRefused("unknown_purpose", "purpose")
    if reader.from_kind and reader.from_kind not in codes("organisation_kind"):
        raise DisclosureRefused("unknown_kind", "from_kind")
    if stage not in codes("stage"):
        raise DisclosureRefused("unknown_stage", "stage")
    if not set(grounds) <= set(codes("ground")):
        raise DisclosureRefused("unknown_ground", "grounds")
