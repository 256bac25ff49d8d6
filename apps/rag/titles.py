"""A name for a conversation, from its first question."""

import re

LONGEST_TITLE = 60
_POLITE = re.compile(
    r"^(?:(?:hi|hello|hey|please|你好|您好|请问一下|请问|请教|请)[\s,，!！。.:：]*)+", re.IGNORECASE
)
_FIRST_SENTENCE = re.compile(r".+?(?:[。！？!?]|\.(?=\s|$)|$)")


def title_of(question: str) -> str:
    """The first sentence of a question without its greeting, at most 60 characters."""
    text = " ".join(question.split())
    text = _POLITE.sub("", text) or text
    found = _FIRST_SENTENCE.match(text)
    title = (found.group() if found else text).rstrip("。.")
    if len(title) <= LONGEST_TITLE:
        return title
    cut = title[: LONGEST_TITLE - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > LONGEST_TITLE // 2 else cut).rstrip(" ,，、;；:：") + "…"
