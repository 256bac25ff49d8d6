"""Engines without models: they run the tests and a demonstration on any machine."""

import asyncio
import copy
import hashlib
import math
import re
from collections import Counter, deque
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Sequence

from apps.engines.adapters.words import words
from apps.rag.language import language_of
from apps.rag.ports import Delta, Generator, Speaker, Tuning, Turn, Usage
from apps.rag.refusal import refusal

_Script = str | Exception | Sequence[Delta]
_SOURCE = re.compile(r"<source n=\"1\"[^>]*>(?P<text>.*?)</source>", re.DOTALL)
_SENTENCE = re.compile(r"[^\n。！？!?]*?(?:[。！？!?]|\.(?=\s|$))|[^\n]+")


class HashEmbedder:
    """Texts that share words get vectors that are near; the same on every machine."""

    def __init__(self, dimensions: int = 384) -> None:
        self._dimensions = dimensions

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return self._dimensions

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        """See ``apps.rag.ports.Embedder``."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """See ``apps.rag.ports.Embedder``."""
        vector = [0.0] * self._dimensions
        # Never all zero: a text without words has a direction as well.
        vector[0] = 1e-3
        for word, times in Counter(words(text)).items():
            digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
            place = int.from_bytes(digest[:7], "big") % self._dimensions
            vector[place] += (1 if digest[7] & 1 else -1) * (1 + math.log(times))
        length = math.hypot(*vector) or 1.0
        return [x / length for x in vector]


class OverlapReranker:
    """Scores a passage by the share of the question's words that it holds."""

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """See ``apps.rag.ports.Reranker``."""
        wanted = set(words(query))
        return [len(wanted & set(words(text))) / max(len(wanted), 1) for text in passages]


class ScriptedGenerator:
    """Says what it is told to, one entry of ``script`` a question; else it quotes source [1].

    An entry is a text, a list of deltas, or an error to raise. Every prompt is kept in ``prompts``.
    Asked for the odds of a yes (kept in ``checks``) it gives one of ``opinions``, else 0.
    """

    def __init__(
        self,
        script: Iterable[_Script] | None = None,
        *,
        first_delay_s: float = 0.0,
        delta_delay_s: float = 0.0,
    ) -> None:
        self.script: deque[_Script] = deque(script or ())
        self.prompts: list[list[Turn]] = []
        self.opinions: deque[float | Exception] = deque()
        self.checks: list[list[Turn]] = []
        self.closed = 0
        self.first_delay_s, self.delta_delay_s = first_delay_s, delta_delay_s
        self.tuning = Tuning()

    def tuned(self, tuning: Tuning) -> Generator:
        """See ``apps.rag.ports.TunableGenerator``. The script is the same one."""
        other = copy.copy(self)
        other.tuning = self.tuning = tuning
        return other

    async def stream(
        self, turns: Sequence[Turn], *, max_tokens: int
    ) -> AsyncGenerator[Delta, None]:
        """See ``apps.rag.ports.Generator``. ``closed`` counts the streams that were left."""
        self.prompts.append(list(turns))
        entry = self.script.popleft() if self.script else quote_first_source(turns)
        delay = self.first_delay_s
        try:
            for delta in self._deltas(entry, max_tokens):
                await asyncio.sleep(delay)
                delay = self.delta_delay_s
                yield delta
            if isinstance(entry, Exception):
                raise entry
            yield Delta("", usage=_usage(turns, entry), finish=self._finish(entry, max_tokens))
        finally:
            self.closed += 1

    async def odds(
        self, turns: Sequence[Turn], *, yes: Collection[str], no: Collection[str]
    ) -> float:
        """See ``apps.rag.ports.Judge``."""
        self.checks.append(list(turns))
        opinion = self.opinions.popleft() if self.opinions else 0.0
        if isinstance(opinion, Exception):
            raise opinion
        return opinion

    def _deltas(self, entry: _Script, max_tokens: int) -> Iterator[Delta]:
        match entry:
            case str():
                said = pieces(self._to_the_stop(entry))
                yield from (Delta(piece) for piece in said[:max_tokens])
            case Exception():
                return
            case _:
                yield from entry

    def _to_the_stop(self, text: str) -> str:
        for stop in self.tuning.stop:
            text = text.partition(stop)[0]
        return text

    def _finish(self, entry: _Script, max_tokens: int) -> str:
        is_cut = isinstance(entry, str) and len(pieces(self._to_the_stop(entry))) > max_tokens
        return "length" if is_cut else "stop"


def pieces(text: str) -> list[str]:
    """A text cut as a model would send it: words, or a few wide characters."""
    return re.findall(r"\s*[!-~]{1,12}|\s*[^!-~\s]{1,3}|\s+", text)


def quote_first_source(turns: Sequence[Turn]) -> str:
    """The first sentence of source 1 of the last question, cited; without sources, a refusal."""
    asked = next((turn.text for turn in reversed(turns) if turn.speaker is Speaker.USER), "")
    source = _SOURCE.search(asked)
    sentence = _SENTENCE.search(source.group("text").strip()) if source else None
    if sentence is None:
        return refusal(language_of(asked))
    return f"{sentence.group().strip()} [1]"


def _usage(turns: Sequence[Turn], entry: _Script) -> Usage:
    prompt = sum(len(pieces(turn.text)) for turn in turns)
    return Usage(prompt, len(pieces(entry)) if isinstance(entry, str) else 1)
