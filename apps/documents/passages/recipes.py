"""How a collection wants its documents cut, and the name that such a cutting has."""

from dataclasses import dataclass
from uuid import UUID

from apps.core.errors import AppError, ErrorCode
from apps.documents.passages.models import CollectionRecipe
from apps.engines import factory
from apps.engines.profiles import recipe_of
from apps.rag.ports import Recipe

# Tokens. Below it nothing has a context, above it no embedding model in use reads to the end.
SIZES = (64, 1000)
# The model that comes with the product reads 512, of which titles may take 64.
READ_WHOLE = 440
MOST_PARENT = 4000


@dataclass(frozen=True, slots=True)
class Wish:
    """A recipe, and how much around a passage the model is given (tokens; 0: the passage alone)."""

    recipe: Recipe
    parent: int = 0

    @property
    def cut(self) -> str:
        return cut_of(self.recipe)


def cut_of(recipe: Recipe) -> str:
    """The name of what this recipe makes: chunks of two names never share an id."""
    return f"{recipe.size}-{recipe.overlap}-{int(recipe.headings)}"


def usual() -> Wish:
    """What collections without settings of their own get: the installation's recipe."""
    return Wish(recipe_of(factory.wiring().profile))


def wish_of(collection_id: UUID) -> Wish:
    """What a collection asks for, in the current scope."""
    row = CollectionRecipe.objects.filter(collection_id=collection_id).first()
    return usual() if row is None else as_wish(row)


def as_wish(row: CollectionRecipe) -> Wish:
    return Wish(Recipe(row.size, row.overlap, headings=row.headings), row.parent)


def wish(*, size: int, overlap: int, headings: bool, parent: int) -> Wish:
    """Settings as a person gives them. Raises AppError BAD_REQUEST with the ``field`` at fault."""
    limits = {
        "size": SIZES[0] <= size <= SIZES[1],
        "overlap": 0 <= overlap <= size // 2,
        "parent": parent == 0 or size < parent <= MOST_PARENT,
    }
    for field, is_right in limits.items():
        if not is_right:
            raise AppError(ErrorCode.BAD_REQUEST, field=field)
    return Wish(Recipe(size, overlap, headings=headings), parent)


def values_of(chosen: Wish) -> dict[str, int | bool]:
    """The other way round, for forms and JSON."""
    recipe = chosen.recipe
    return {
        "size": recipe.size,
        "overlap": recipe.overlap,
        "headings": recipe.headings,
        "parent": chosen.parent,
    }
