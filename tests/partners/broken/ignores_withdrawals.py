"""Takes the withdrawal of consent for one more message that needs no answer."""

from partners.examples.answering import main
from partners.kit import client


class Never:
    """Nothing is of this kind."""


if __name__ == "__main__":
    vars(client)["ConsentWithdrawn"] = Never  # this is what is broken
    main()
