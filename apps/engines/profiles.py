"""The embedding model in use, with its chunk recipe, and the one whose table is being filled."""

from django.conf import settings

from apps.engines.centres import has_centre
from apps.engines.models import EmbeddingProfile, Endpoint
from apps.rag.ports import Recipe

# (part of the name, before a query, before a passage): what the makers of a model trained it with.
# Source: the model cards of E5, BGE, GTE-Qwen and Qwen3-Embedding, Nomic, Arctic.
_PREFIXES = (
    ("e5-mistral", "Instruct: Given a question, retrieve passages that answer it\nQuery: ", ""),
    ("multilingual-e5-large-instruct", "Instruct: Given a question, retrieve passages that answer it\nQuery: ", ""),
    ("e5", "query: ", "passage: "),
    ("bge-m3", "", ""),
    ("bge-large-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    ("bge-base-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    ("bge-small-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    ("bge-", "Represent this sentence for searching relevant passages: ", ""),
    ("qwen3-embedding", "Instruct: Given a question, retrieve passages that answer it\nQuery: ", ""),
    ("gte-qwen", "Instruct: Given a question, retrieve passages that answer it\nQuery: ", ""),
    ("nomic-embed", "search_query: ", "search_document: "),
    ("arctic-embed", "query: ", ""),
)  # fmt: skip


def current_profile() -> EmbeddingProfile:
    """The profile that search uses; made from the settings on first use."""
    profile, _ = EmbeddingProfile.objects.select_related("endpoint").get_or_create(
        is_current=True, defaults=own_values()
    )
    return profile


def filling_profile() -> EmbeddingProfile | None:
    """The profile whose table is being filled, where one is."""
    return EmbeddingProfile.objects.select_related("endpoint").filter(is_filling=True).first()


def own_values() -> dict[str, object]:
    """What the settings say of the installation's own embedding model."""
    model = settings.EMBEDDINGS_MODEL
    return {
        "base_url": settings.EMBEDDINGS_BASE_URL,
        "model": model,
        "dimensions": settings.EMBEDDINGS_DIMENSIONS,
        "query_prefix": settings.EMBEDDINGS_QUERY_PREFIX,
        "passage_prefix": settings.EMBEDDINGS_PASSAGE_PREFIX,
        "centre": centre_of(model),
    }


def is_outdated(profile: EmbeddingProfile) -> bool:
    """Whether this profile is the installation's own and the settings now say otherwise, or the
    model is used better than when the profile was made."""
    wanted = own_values()
    del wanted["base_url"]  # another address of the same model makes the same vectors
    return profile.endpoint_id is None and any(
        getattr(profile, name) != value for name, value in wanted.items()
    )


def values_of(endpoint: Endpoint) -> dict[str, object]:
    """What is known of the model of a server. Its dimensions are found out by asking it."""
    query, passage = prefixes_of(endpoint.model)
    return {
        "base_url": endpoint.base_url,
        "endpoint": endpoint,
        "model": endpoint.model,
        "query_prefix": query,
        "passage_prefix": passage,
        "centre": centre_of(endpoint.model),
    }


def prefixes_of(model: str) -> tuple[str, str]:
    """What this model wants before a query and before a passage, as far as its name tells."""
    name = model.lower()
    return next(((query, passage) for part, query, passage in _PREFIXES if part in name), ("", ""))


def centre_of(model: str) -> str:
    """The centre to take away from this model's vectors; "" takes nothing away."""
    return model if settings.EMBEDDINGS_MAY_BE_CENTRED and has_centre(model) else ""


def recipe_of(profile: EmbeddingProfile) -> Recipe:
    """How this profile cuts blocks into chunks."""
    return Recipe(size=profile.chunk_size, overlap=profile.chunk_overlap)
