"""Who hears what, and who may know what of a person; data first, few functions."""

from contracts.policy.consent import (
    Basis,
    Decision,
    Fallout,
    Record,
    Scope,
    consent_stands,
    fallout,
    standing,
)
from contracts.policy.cut import Allowed, Cut, Reader
from contracts.policy.need_to_know import (
    Policy,
    fields_for,
    good_grounds,
    may_know,
    owner_may_see,
    the_policy,
)
from contracts.policy.refusals import DisclosureRefused
from contracts.policy.routing import (
    CHILD_BANDS,
    HEARINGS,
    URGENCIES,
    Hearing,
    Relation,
    who_hears,
)
from contracts.policy.tables import Cell, Field, FieldName, GroundRule, purpose_of
from contracts.policy.version import VERSION

__all__ = [
    "CHILD_BANDS",
    "HEARINGS",
    "URGENCIES",
    "VERSION",
    "Allowed",
    "Basis",
    "Cell",
    "Cut",
    "Decision",
    "DisclosureRefused",
    "Fallout",
    "Field",
    "FieldName",
    "GroundRule",
    "Hearing",
    "Policy",
    "Reader",
    "Record",
    "Relation",
    "Scope",
    "consent_stands",
    "fallout",
    "fields_for",
    "good_grounds",
    "may_know",
    "owner_may_see",
    "purpose_of",
    "standing",
    "the_policy",
    "who_hears",
]
