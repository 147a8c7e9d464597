"""What an officer is asked about a person just found, step by step, and in which words."""

from dataclasses import dataclass
from typing import Final, Literal

from contracts.vocabulary import codes
from services.intake.pages.words import FIELDS, N_

Kind = Literal["day", "select", "one", "many", "tick", "text", "long"]
#: The words of one kind of recipient are answered by these; nothing said is no consent.
ANSWERS: Final = ("given", "refused")
#: Mali and its neighbours.
NEAR: Final = frozenset({"MLI", "BFA", "CIV", "DZA", "GIN", "MRT", "NER", "NGA", "SEN"})
SHORT: Final = 200
LONG: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. list_name: whose codes are answers; section: where the vault keeps it, sealed."""

    name: str
    words: str
    kind: Kind
    list_name: str = ""
    needed: bool = False
    section: str = ""
    help: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """What may be chosen; of countries the likely ones first."""
        listed = codes(self.list_name) if self.list_name else ()
        return (
            tuple(sorted(listed, key=lambda code: code not in NEAR)) if NEAR & {*listed} else listed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One screen of the form. short: what it is called where all are read once more."""

    name: str
    heading: str
    short: str = ""
    lead: str
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """To whom a person may agree, and what is read aloud first. purpose: when not that of a need."""

    kind: str
    aloud: str
    purpose: str | None = None

    @property
    def name(self) -> str:
        """The field of the form."""
        return f"consent_{self.kind}"


RECIPIENTS: Final = (
    Recipient(
        kind="social",
        aloud=N_(
            "“The social service can follow your situation and find help for you. May we tell it what it needs to help you?”"
        ),
    ),
    Recipient(
        kind="health",
        aloud=N_(
            "“A health centre can examine and treat you. May we tell it what it needs to treat you? It will not be told the names of those who harmed you.”"
        ),
    ),
    Recipient(
        kind="shelter",
        aloud=N_(
            "“There are houses where you can sleep and eat in safety. May we tell one of them about you, so that it can receive you?”"
        ),
    ),
    Recipient(
        kind="ngo_rights",
        aloud=N_(
            "“An association can explain your rights and go with you. May we tell it what it needs to help you?”"
        ),
    ),
    Recipient(
        kind="intl",
        aloud=N_(
            "“An international organisation can help, for example with a return that you want. May we tell it what it needs to help you?”"
        ),
    ),
    Recipient(
        kind="justice",
        purpose="investigation",
        aloud=N_(
            "“The prosecutor can act against those who harmed you. May we pass on what you told us? You will be helped even if you say no.”"
        ),
    ),
)


def _sealed(section: str, *names: str) -> tuple[Question, ...]:
    return tuple(
        Question(
            name=name,
            words=FIELDS[name],
            kind="long" if name == "facts" else "text",
            section=section,
        )
        for name in names
    )


_FOUND: Final = Step(
    name="found",
    short=N_("Where and how"),
    heading=N_("Where and how was the person found?"),
    lead=N_("The village comes later, and stays sealed."),
    questions=(
        Question(name="detected_on", words=N_("On which day?"), kind="day", needed=True),
        Question(name="region", words=N_("Region"), kind="select", list_name="region", needed=True),
        Question(name="cercle", words=N_("Cercle, if known"), kind="select", list_name="cercle"),
        Question(
            name="detection_channel",
            words=N_("How?"),
            kind="select",
            list_name="detection_channel",
            needed=True,
        ),
    ),
)
_PERSON: Final = Step(
    name="person",
    short=N_("The person"),
    heading=N_("Who is the person?"),
    lead=N_("A guess is enough: “unknown” is an answer too. Names come last."),
    questions=(
        Question(name="sex", words=N_("Sex"), kind="one", list_name="sex", needed=True),
        Question(name="age_band", words=N_("Age"), kind="one", list_name="age_band", needed=True),
        Question(
            name="citizenship", words=N_("Citizenship, if known"), kind="select", list_name="country"
        ),
        Question(
            name="languages", words=N_("Languages spoken"), kind="many", list_name="language",
            help=N_("At most five."),
        ),
    ),
)  # fmt: skip
_SIGNS: Final = Step(
    name="signs",
    short=N_("What was noticed"),
    heading=N_("What was noticed?"),
    lead=N_("One sign may be enough; for a child, the exploitation is."),
    questions=(
        Question(
            name="indicators",
            words=N_("Signs of forced labour (ILO)"),
            kind="many",
            list_name="forced_labour_sign",
            section="exploitation",
        ),
        Question(
            name="exploitation",
            words=N_("Form of exploitation"),
            kind="many",
            list_name="exploitation",
            needed=True,
            help=N_("When in doubt: “to be determined”."),
        ),
    ),
)
_NEEDS: Final = Step(
    name="needs",
    short=N_("Help"),
    heading=N_("What does the person need?"),
    lead=N_("Ask first what the person wants. One organisation is asked for each need."),
    questions=(
        Question(
            name="needs", words=N_("Help needed"), kind="many", list_name="service", needed=True
        ),
        Question(
            name="urgency", words=N_("How urgent?"), kind="one", list_name="urgency", needed=True
        ),
    ),
)
CONSENT: Final = Step(
    name="consent",
    short=N_("Consent"),
    heading=N_("What does the person agree to?"),
    lead=N_(
        "Read each text aloud, in a language that the person understands, where nobody listens. A no costs no help that the law grants; a yes can be taken back. No answer is a no."
    ),
    questions=(
        Question(
            name="authority",
            words=N_("Who answers?"),
            kind="one",
            list_name="consent_authority",
            help=N_(
                "For a child: the legal guardian, unless suspected, or the decision on the child’s best interests."
            ),
        ),
    ),
)
_SAFETY: Final = Step(
    name="safety",
    short=N_("Safety"),
    heading=N_("What keeps the person safe?"),
    lead=N_("Whoever is asked for help sees this first. Ask: who could hear us call? Who comes home?"),
    questions=(
        Question(name="risk", words=N_("How great is the danger?"), kind="one", list_name="risk", needed=True),
        Question(name="safety", words=N_("To be respected"), kind="many", list_name="safety_instruction"),
        Question(name="is_suspect_too", words=N_("The person is also suspected of an offence"), kind="tick"),
    ),
)  # fmt: skip
_SEALED: Final = Step(
    name="sealed",
    short=N_("Names and contact"),
    heading=N_("Names and how to reach the person"),
    lead=N_(
        "Sealed: read only by whoever has accepted, and only as far as needed. All may stay empty."
    ),
    questions=(
        *_sealed("identity", "full_name", "birth_date", "mother_first_name"),
        *_sealed("contact", "phone", "phone_owner", "safe_hours", "village"),
        *_sealed("exploitation", "facts", "suspect_name"),
    ),
)
#: What many persons who were found at once share, asked once of all.
TOGETHER: Final = Step(
    name="together",
    heading=N_("Several persons found together"),
    lead=N_(
        "First what holds for all of them, then each in a few words. Each becomes a case of its own; those of one family stay together."
    ),
    questions=(
        *_FOUND.questions,
        Question(
            name="citizenship",
            words=N_("Citizenship, where nothing else is said below"),
            kind="select",
            list_name="country",
        ),
        *(one for one in _SIGNS.questions if one.name == "exploitation"),
        *_NEEDS.questions,
        *(one for one in _SAFETY.questions if one.name == "risk"),
    ),
)
#: And what is asked of each.
EACH: Final = (
    *_sealed("identity", "full_name"),
    *(one for one in _PERSON.questions if one.name in ("sex", "age_band", "citizenship")),
    Question(
        name="family", words=N_("Family, if several: the same word for all of it"), kind="text"
    ),
    *(one for one in _SAFETY.questions if one.name == "is_suspect_too"),
)
REVIEW: Final = Step(
    name="review",
    heading=N_("Read it once more"),
    lead=N_("Nothing has been sent yet."),
)
STEPS: Final = (_FOUND, _PERSON, _SIGNS, _NEEDS, CONSENT, _SAFETY, _SEALED, REVIEW)
