"""The embedding model in use, with its chunk recipe."""

from django.conf import settings

from apps.engines.models import EmbeddingProfile
from apps.rag.ports import Recipe


def current_profile() -> EmbeddingProfile:
    """The profile that search uses; made from the settings on first use."""
    profile, _ = EmbeddingProfile.objects.get_or_create(
        is_current=True,
        defaults={
            "base_url": settings.EMBEDDINGS_BASE_URL,
            "model": settings.EMBEDDINGS_MODEL,
            "dimensions": settings.EMBEDDINGS_DIMENSIONS,
            "query_prefix": settings.EMBEDDINGS_QUERY_PREFIX,
            "passage_prefix": settings.EMBEDDINGS_PASSAGE_PREFIX,
        },
    )
    return profile


def recipe_of(profile: EmbeddingProfile) -> Recipe:
    """How this profile cuts blocks into chunks."""
    return Recipe(size=profile.chunk_size, overlap=profile.chunk_overlap)
