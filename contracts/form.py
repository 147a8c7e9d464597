"""What whoever registers a case fills in, over HTTP or sealed in a `case.report`."""

from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, StringConstraints

from contracts.intake import CodedCase

Section = Literal[
    "identity", "contact", "exploitation", "medical", "psychosocial", "safe_place", "notes", "other"
]
SECTIONS: tuple[str, ...] = get_args(Section)
Value = Annotated[str, StringConstraints(max_length=10_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CaseSubmission(CodedCase):
    """A case to register: coded facts, and the dossier that never leaves the vault in clear."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    dossier: Annotated[
        dict[Section, Annotated[dict[Name, Value], Field(max_length=200)]],
        Field(default_factory=dict),
    ]
