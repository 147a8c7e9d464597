"""The rule of hearing a person again: what is recorded as a yes has to open something."""


class CarriesNothing(Exception):
    """Whoever answered may not say yes for this person: a child's own yes, another's for an adult."""
