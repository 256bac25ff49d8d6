"""When a removal is so large that a person is asked first."""

SHARE = 0.2
AT_LEAST = 10


def is_too_many(removed: int, of: int) -> bool:
    """More than a fifth and at least ten; or all of them: a share that is not mounted and a list
    that came back empty look like that."""
    if removed and removed == of:
        return of > 1
    return removed >= AT_LEAST and removed > of * SHARE
