"""Invents the personal columns of a sample row: plausible in Mali, and nobody's."""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random

_FIRST_NAMES = {
    "Feminine": (
        "Aminata",
        "Awa",
        "Fatoumata",
        "Kadiatou",
        "Mariam",
        "Oumou",
        "Rokia",
        "Sira",
        "Djénéba",
        "Hawa",
    ),
    "Masculine": (
        "Adama",
        "Bakary",
        "Boubacar",
        "Drissa",
        "Ibrahima",
        "Mamadou",
        "Moussa",
        "Seydou",
        "Yaya",
        "Modibo",
    ),
}
_FAMILY_NAMES = (
    "Traoré",
    "Coulibaly",
    "Diarra",
    "Keïta",
    "Sissoko",
    "Dembélé",
    "Sangaré",
    "Konaté",
    "Cissé",
    "Maïga",
    "Touré",
    "Diallo",
)
_SALUTATIONS = {"Feminine": "Mme", "Masculine": "M."}
# The sample stays true for a year: an age is that of this day, and no birthday leaves its band.
REFERENCE_DAY = date(2026, 11, 1)


def invent(plan: Mapping[str, str], number: int, draw: Random) -> dict[str, str | date]:
    """The personal columns of row `number` by HTCDS code, drawn for the sex and age of its plan.

    Telephone numbers begin with 00 and addresses end in `.example`: neither can be anybody's.
    """
    sex = plan["sex"]
    first, family = draw.choice(_FIRST_NAMES[sex]), draw.choice(_FAMILY_NAMES)
    birthday = REFERENCE_DAY - timedelta(days=int(plan["age"]) * 365.25 + draw.randint(20, 300))
    arrived = REFERENCE_DAY - timedelta(days=draw.randint(1, 45))
    return {
        "cas_CaseOwner": f"Point focal {plan['region']} (fictif)",
        "prs_Salutation": _SALUTATIONS[sex],
        "prs_FirstName": first,
        "prs_SecondName": family,
        "prs_Birthdate": birthday,
        "prs_MobilePhone": f"+223 00 00 {number:02d} {draw.randint(10, 99)}",
        "prs_Email": f"personne{number:02d}@siraba.example",
        "prs_MailingStreet": f"Rue {draw.randint(100, 899)}, porte {draw.randint(1, 99)}",
        "prs_MailingCountry": "Mali",
        "vic_LocationOfRecruitment": f"Village fictif {draw.randint(1, 20)}",
        "vic_LocationOfExploitation": f"Site fictif {draw.randint(1, 20)}",
        "cas_ReferringPrimaryCaseWorker": f"Agent fictif {draw.randint(1, 9)}",
        "cas_IncomingReferralDate": arrived,
        "cas_IncomingReferralDetails": "Récit fictif, recueilli avec une interprète.",
    }
