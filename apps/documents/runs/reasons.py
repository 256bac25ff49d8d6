"""Which reasons of a failure cannot change by trying again."""

from apps.core.errors import ErrorCode

# Another file helps; reading the same one again does not.
OF_THE_FILE = frozenset(
    {
        ErrorCode.ENCRYPTED,
        ErrorCode.EMPTY,
        ErrorCode.UNREADABLE,
        ErrorCode.UNSUPPORTED,
        ErrorCode.NO_TEXT,
        ErrorCode.TOO_LARGE,
        ErrorCode.FILE_MISSING,
        ErrorCode.INFECTED,
    }
)
