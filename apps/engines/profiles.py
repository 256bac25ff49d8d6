"""The embedding model in use, with its chunk recipe."""

from django.conf import settings

from apps.engines.centres import has_centre
from apps.engines.models import EmbeddingProfile
from apps.rag.ports import Recipe


def current_profile() -> EmbeddingProfile:
    """The profile that search uses; made from the settings on first use."""
    model = settings.EMBEDDINGS_MODEL
    profile, _ = EmbeddingProfile.objects.get_or_create(
        is_current=True,
        defaults={
            "base_url": settings.EMBEDDINGS_BASE_URL,
            "model": model,
            "dimensions": settings.EMBEDDINGS_DIMENSIONS,
            "query_prefix": settings.EMBEDDINGS_QUERY_PREFIX,
            "passage_prefix": settings.EMBEDDINGS_PASSAGE_PREFIX,
            "centre": model if settings.EMBEDDINGS_MAY_BE_CENTRED and has_centre(model) else "",
        },
    )
    return profile


def recipe_of(profile: EmbeddingProfile) -> Recipe:
    """How this profile cuts blocks into chunks."""
    return Recipe(size=profile.chunk_size, overlap=profile.chunk_overlap)
