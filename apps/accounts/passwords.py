"""What a password may not be: short, leaked, guessable, or made of what everybody knows here.

As NIST SP 800-63B and ASVS 5.0 want it: twelve characters or more, any characters, no rules of
composition, no end after some months. ``zxcvbn`` knows 30,000 leaked passwords and how people bend
them (Pa$$w0rd2024, repeated, along the keyboard); Django's list has 20,000 more. Both are in their
packages: nothing is asked of the network.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from zxcvbn import zxcvbn

from apps.accounts.models import User

# Fewer guesses than this is what a list and its usual bends try first (its highest step).
_GUESSES = 10**10
# The rest of a long password is not looked at: time grows with the square, and 40 say enough.
_LOOKED_AT = 40
_LEAST = 4


class GuessableValidator:
    """Refuses leaked passwords, their bends, and words of the person and the installation."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError with a sentence that says what to do."""
        known = list(context_words(user))
        folded = password.casefold()
        if _is_made_of(folded, known):
            raise ValidationError(
                _("This is made of a name that others know. Choose words that nobody expects."),
                code="password_context",
            )
        found = zxcvbn(password[:_LOOKED_AT], user_inputs=known, max_length=_LOOKED_AT)
        if found["guesses"] < _GUESSES:
            raise ValidationError(
                _(
                    "This password is on lists that attackers try. Choose words that nobody expects."
                ),
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        return str(_("Not a password that was leaked, and not made of your name."))


def context_words(user: User | None) -> Iterator[str]:
    """Words that an attacker who knows where and whom they attack would try."""
    yield from ("footnote", "\u811a\u6ce8")
    yield from _words(urlsplit(settings.PUBLIC_URL).hostname or "")
    yield from settings.PASSWORD_WORDS
    for text in (user.email, user.name, user.login) if user is not None else ():
        yield from _words(text)


def _words(text: str) -> Iterator[str]:
    folded = text.casefold().strip()
    if len(folded) >= _LEAST:
        yield folded
    for word in re.split(r"[\W_]+", folded):
        if len(word) >= _LEAST or (len(word) > 1 and not word.isascii()):
            yield word


def _is_made_of(password: str, known: list[str]) -> bool:
    """Whether little is left once those words, digits and signs are taken away."""
    rest = password
    for word in sorted(set(known), key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != password and len(re.sub(r"[\W\d_]+", "", rest)) < _LEAST
