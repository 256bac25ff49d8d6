"""How a collection wants its documents cut, and the name that such a cutting has."""

from dataclasses import dataclass
from uuid import UUID

from apps.documents.passage_models import CollectionRecipe
from apps.engines import factory
from apps.engines.profiles import recipe_of
from apps.rag.ports import Recipe


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
