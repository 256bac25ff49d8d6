"""Which reasons of what was not taken stay as long as it does not change."""

from apps.core.errors import ErrorCode
from apps.documents.runs.reasons import OF_THE_FILE

# Of files in archives that are not read at all.
_OF_MEMBERS = frozenset(
    {
        ErrorCode.HIDDEN_FILE,
        ErrorCode.NOT_A_FILE,
        ErrorCode.OUTSIDE_PATH,
        ErrorCode.NESTED_TOO_DEEP,
    }
)
# Codes that do not change while the fingerprint does not.
OF_THE_ENTRY = (
    OF_THE_FILE
    | _OF_MEMBERS
    | {ErrorCode.TOO_COSTLY, ErrorCode.ADDRESS_REFUSED, ErrorCode.ARCHIVE_TOO_LARGE}
)
PASSED_OVER = _OF_MEMBERS | frozenset(
    {
        ErrorCode.UNSUPPORTED,
        ErrorCode.NEW_IWORK,
        ErrorCode.STILL_WRITTEN,
        ErrorCode.REMOVED_BY_HAND,
        ErrorCode.SOURCE_ROBOTS,
    }
)
