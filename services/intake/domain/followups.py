"""When the owner of a case asks how the person is, counted from its registration."""

#: Days after the registration (issue "Nobody waits unanswered"); after the last, nobody is asked.
AFTER_DAYS = (30, 90, 180)


def next_after(days: int) -> int | None:
    """The days of the follow-up that comes after this one; None after the last."""
    return next((later for later in AFTER_DAYS if later > days), None)
