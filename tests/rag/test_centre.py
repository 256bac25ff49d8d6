"""Vectors freed from the language they were written in."""

import math

import pytest

from apps.rag.centre import Centre, CentredEmbedder, mean_of

# Direction 0 is "Chinese", 1 is "other", the rest is what a text is about.
CENTRE = Centre((0.8, 0, 0, 0), (0, 0.8, 0, 0), (0.8, 0, 0, 0), (0, 0.8, 0, 0), strength=1.0)
TOPICS = {"leave": 2, "年假": 2, "canteen": 3, "食堂": 3}


class BiasedEmbedder:
    """A model that hears the language louder than the topic."""

    dimensions = 4

    def embed_query(self, text):
        vector = [0.0] * 4
        vector[1 if text.isascii() else 0] = 0.8
        vector[next(place for word, place in TOPICS.items() if word in text)] = 0.6
        return vector

    def embed_passages(self, texts):
        return [self.embed_query(text) for text in texts]


def best(embedder, question, passages):
    asked = embedder.embed_query(question)
    scores = [
        sum(map(math.prod, zip(asked, each, strict=True)))
        for each in embedder.embed_passages(passages)
    ]
    return passages[scores.index(max(scores))]


def test_a_question_finds_the_answer_in_the_other_language_before_a_stranger_in_its_own():
    passages = ["食堂十一点开门", "annual leave is ten days"]
    assert best(BiasedEmbedder(), "年假几天", passages) == "食堂十一点开门"
    centred = CentredEmbedder(BiasedEmbedder(), CENTRE)
    assert best(centred, "年假几天", passages) == "annual leave is ten days"
    assert best(centred, "When does the canteen open", passages) == "食堂十一点开门"


def test_vectors_keep_length_one():
    centred = CentredEmbedder(BiasedEmbedder(), CENTRE)
    for vector in (centred.embed_query("年假"), *centred.embed_passages(["leave", "食堂 menu"])):
        assert math.hypot(*vector) == pytest.approx(1.0)
    assert centred.dimensions == 4


def test_without_strength_nothing_moves():
    still = Centre((1, 0, 0, 0), (0, 1, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), strength=0)
    assert CentredEmbedder(BiasedEmbedder(), still).embed_query("年假") == pytest.approx(
        BiasedEmbedder().embed_query("年假")
    )


def test_a_centre_of_another_model_is_refused():
    with pytest.raises(ValueError, match="vectors of 4"):
        CentredEmbedder(BiasedEmbedder(), Centre((1,), (1,), (1,), (1,)))


def test_the_mean_is_taken_by_place():
    assert mean_of([[1.0, 2.0], [3.0, 6.0]]) == [2.0, 4.0]
