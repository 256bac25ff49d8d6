"""The local reranker, with a tiny folder made here."""

from pathlib import Path

import pytest

from apps.engines.adapters.cross_encoder import LocalReranker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415 - heavy
    from transformers import (  # noqa: PLC0415 - heavy
        BertConfig,
        BertForSequenceClassification,
        PreTrainedTokenizerFast,
    )

    target = tmp_path_factory.mktemp("reranker")
    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "notice", "period", "canteen"]
    words = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(known)}, unk_token="[UNK]")
    )
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(target)
    torch.manual_seed(7)
    BertForSequenceClassification(
        BertConfig(
            vocab_size=len(known),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=64,
            num_labels=1,
        )
    ).save_pretrained(target)
    return target


def test_each_passage_gets_a_score_of_its_own_in_order(folder):
    reranker = LocalReranker(folder, device="cpu")
    texts = ["notice period", "canteen", "notice"]
    scores = reranker.score("notice", texts)
    assert len(set(scores)) == 3
    assert reranker.score("notice", texts[::-1]) == pytest.approx(scores[::-1], abs=1e-5)


def test_no_passages_give_no_scores(folder):
    assert LocalReranker(folder, device="cpu").score("notice", []) == []
