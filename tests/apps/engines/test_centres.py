"""The model that comes with the product hears what a text says before which language it is in."""

from collections.abc import Iterator

import pytest

from apps.engines import factory
from apps.engines.adapters import openai_compatible
from apps.engines.adapters.fake import HashEmbedder
from apps.engines.centres import centre
from apps.engines.profiles import current_profile
from apps.rag.centre import CentredEmbedder

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _server(settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The real factory, in front of a server of hash vectors."""

    def remote(*_: object, dimensions: int, **__: object) -> HashEmbedder:
        return HashEmbedder(dimensions)

    monkeypatch.setattr(openai_compatible, "RemoteEmbedder", remote)
    settings.ENGINES = "real"
    factory.reset()
    yield
    factory.reset()


def test_the_default_model_is_centred_in_a_new_installation() -> None:
    assert current_profile().centre == "e5-small"
    embedder = factory.embedder()
    assert isinstance(embedder, CentredEmbedder)
    assert len(embedder.embed_query("年假")) == embedder.dimensions == 384


def test_an_installation_with_vectors_from_before_keeps_them() -> None:
    """Its rows were embedded without a centre: questions must be, too."""
    current_profile().__class__.objects.update(centre="")
    factory.refresh()
    assert not isinstance(factory.embedder(), CentredEmbedder)


def test_another_model_has_no_centre(settings) -> None:
    settings.EMBEDDINGS_MODEL = "bge-m3"
    assert current_profile().centre == ""
    assert not isinstance(factory.embedder(), CentredEmbedder)


def test_hashes_have_no_centre(settings) -> None:
    settings.EMBEDDINGS_MAY_BE_CENTRED = False
    assert current_profile().centre == ""


def test_what_was_measured_fits_the_model(settings) -> None:
    measured = centre("e5-small")
    assert len(measured.chinese_passages) == settings.EMBEDDINGS_DIMENSIONS
    assert measured.chinese_passages != measured.other_passages
    assert 0 < measured.strength < 1
