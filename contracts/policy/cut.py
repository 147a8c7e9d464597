"""Who reads and what is open to them: the question and the answer of the need-to-know policy."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from contracts.policy import tables
from contracts.policy.refusals import DisclosureRefused
from contracts.policy.tables import Field, FieldName
from contracts.vocabulary import reader_of

# Not about fields: a cut is of one case that its reader accepted, and of one person.
_OF_THE_CASE = frozenset({"own_case", "child_only"})
_STATE_ASPECTS = frozenset({"state", "next_date"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads, as what, for what, and whose case.

    kind: of the organisation, or `public`. relation: to this case. organisation: its code, for
    consent that names it. from_kind: the kind of the organisation that holds the case; left out,
    only the rules for every sender apply.
    """

    kind: str
    relation: str
    purpose: str
    is_child: bool
    organisation: str = ""
    from_kind: str = ""

    @property
    def row(self) -> str:
        """The reader's row of the matrix. Raises DisclosureRefused where no row is for it."""
        row = reader_of(self.kind, self.relation)
        if row is None:
            raise DisclosureRefused("unknown_reader", "kind, relation")
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What is open of one group: `full`, `state` or `counts`, within limits.

    grounds: all that carry it, in the order of the vocabulary; empty for counts and for what an
    owner has in its own file.
    """

    access: str
    limits: frozenset[str] = frozenset()
    grounds: tuple[str, ...] = ()

    @property
    def ground(self) -> str | None:
        """The one that a receipt names."""
        return self.grounds[0] if self.grounds else None

    def shows(self, known: Field) -> bool:
        """Whether this much of the group includes the field."""
        if self.access == "counts":
            return False
        if needed := self.limits - _OF_THE_CASE:
            return bool(needed & known.aspects)
        return self.access == "full" or bool(known.aspects & _STATE_ASPECTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What one reader may know now, by which rules.

    withheld: group → why: `never`, `stage`, `ground` or `adult`. fields: (section, name) of
    every field that may be shown; the section `case` holds the coded facts.
    """

    policy_version: str
    reader: str
    stage: str
    groups: Mapping[str, Allowed]
    withheld: Mapping[str, str]
    fields: frozenset[FieldName]

    def of(self, dossier: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
        """The part of a dossier that is allowed; fields that no table knows stay behind."""
        parts = {
            section: {n: value for n, value in held.items() if (section, n) in self.fields}
            for section, held in dossier.items()
        }
        return {section: part for section, part in parts.items() if part}

    def require(self, names: Iterable[FieldName]) -> None:
        """Raise DisclosureRefused unless every field is allowed."""
        for name in names:
            if name not in tables.fields():
                raise DisclosureRefused("unknown_field", "a field that no table knows")
            if name not in self.fields:
                raise DisclosureRefused("field_not_allowed", ".".join(name))

    def without(self, groups: Collection[str]) -> "Cut":
        """What is left when nothing carries these groups any more."""
        left = {group: one for group, one in self.groups.items() if group not in groups}
        gone = {group: "ground" for group in self.groups if group in groups}
        return replace(
            self,
            groups=left,
            withheld={**self.withheld, **gone},
            fields=frozenset(n for n in self.fields if tables.fields()[n].groups <= left.keys()),
        )
