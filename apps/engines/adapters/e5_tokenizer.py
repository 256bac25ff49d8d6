"""The tokenizer of multilingual-e5 from its pieces."""

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from apps.engines.adapters.e5_format import Pieces

MAX_TOKENS = 512
_WIDE_TILDE, _STAND_IN = "～", "\ue0ff"
_DROPPED = r"[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]"
_SPACES = r"[\t\n\f\r\x{1680}\x{200b}-\x{200f}\x{2028}\x{2029}\x{2581}\x{feff}\x{fffd}]"


def build_tokenizer(pieces: Pieces) -> Tokenizer:
    """A tokenizer that gives the ids the model was trained with."""
    tokenizer = Tokenizer(models.Unigram(pieces.pieces, unk_id=pieces.unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(_DROPPED), ""),
            normalizers.Replace(Regex(_SPACES), " "),
            # The training map leaves this one character alone; NFKC would not.
            normalizers.Replace(_WIDE_TILDE, _STAND_IN),
            normalizers.NFKC(),
            normalizers.Replace(_STAND_IN, _WIDE_TILDE),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    start, end = pieces.pieces[pieces.bos][0], pieces.pieces[pieces.eos][0]
    tokenizer.post_processor = TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {end} $B {end}",
        special_tokens=[(start, pieces.bos), (end, pieces.eos)],
    )
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer
