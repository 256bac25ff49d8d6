"""The estimate of tokens."""

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.rag.tokens import HUNDRED, estimate_tokens, weight


def test_the_estimate_is_near_the_e5_tokenizer_on_real_sentences():
    # Counted with the XLM-R vocabulary of multilingual-e5-small.
    counted = {
        "The notice period is three months to the end of a calendar quarter.": 14,
        "员工入职满一年后，每年可享受十天带薪年假。": 18,
        "Total revenue was $1,234.5 million in 2023, up 12% from 2022.": 16,
    }
    for text, tokens in counted.items():
        assert 0.75 * tokens <= estimate_tokens(text) <= 1.5 * tokens


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=50, deadline=None)
def test_the_weight_of_two_texts_is_the_sum_of_their_weights(left, right):
    assert weight(left + right) == weight(left) + weight(right)


@given(st.characters())
@settings(max_examples=200, deadline=None)
def test_one_character_never_costs_more_than_a_token_or_nothing(character):
    assert 0 < weight(character) <= HUNDRED
