"""Words of a text in any script, for the engines that need no dictionary."""

import re

# A run of Han, kana or Hangul is read as overlapping pairs; other letters and digits as words.
_RUN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+|[^\W_]+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def words(text: str) -> list[str]:
    """Lower-case words; a run of Chinese, Japanese or Korean becomes its pairs of characters."""
    found: list[str] = []
    for run in _RUN.findall(text.lower()):
        for part in _parts(run):
            found += _pairs(part) if _WIDE.match(part) else [part]
    return found


def _parts(run: str) -> list[str]:
    """``abc合同`` as ``abc`` and ``合同``: the word pattern swallows wide characters as well."""
    return re.findall(
        rf"{_WIDE.pattern}+|[^\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+", run
    )


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
