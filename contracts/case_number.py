"""The case number people read aloud: ML-<CT>-<year>-<6 random symbols>-<check symbol>."""

import re

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PATTERN = re.compile(rf"ML-([0-9]{{2}})-([0-9]{{4}})-([{CROCKFORD}]{{6}})-([{ALPHABET}])")


def make_case_number(*, region: str, year: int, entropy: bytes) -> str:
    """A number for a case registered in the unit with this CT code; entropy: 6 random bytes."""
    body = "".join(CROCKFORD[byte % 32] for byte in entropy[:6])
    return f"ML-{region}-{year}-{body}-{check_symbol(f'ML{region}{year}{body}')}"


def is_case_number(text: str) -> bool:
    """True when the shape and the check symbol both hold."""
    found = PATTERN.fullmatch(text)
    return found is not None and check_symbol("ML" + "".join(found.groups()[:3])) == found[4]


def check_symbol(text: str) -> str:
    """ISO 7064 MOD 37,36: finds every single wrong symbol and nearly every swap of neighbours."""
    product = 36
    for symbol in text:
        total = (product + ALPHABET.index(symbol)) % 36 or 36
        product = total * 2 % 37
    return ALPHABET[(37 - product) % 36]
