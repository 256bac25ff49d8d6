"""Why a model cannot be planned or served, in a sentence, with what would help."""


class CannotServe(Exception):
    """``reason`` and ``remedies`` are sentences for whoever runs the installation."""

    def __init__(self, reason: str, *remedies: str) -> None:
        super().__init__(reason)
        self.reason, self.remedies = reason, remedies
