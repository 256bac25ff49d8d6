"""Forms of a read that start at the model itself: rows, columns, combinations. A form returns the
names of the documents that it let through."""

from collections.abc import Callable, Iterable

from django import forms
from django.db.models import (
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    Subquery,
    Window,
)
from django.db.models.functions import Lower, RowNumber
from django.http import Http404
from django.shortcuts import get_list_or_404, get_object_or_404

from apps.documents.models import Chunk, Document
from apps.workspaces.models import Collection
from tests.apps.permissions.world import World

Form = Callable[[World], Iterable[str]]
FORMS: dict[str, Form] = {}
docs = Document.objects
# Built when the module is imported, outside any scope.
KEPT = Document.objects.order_by("name")
EVERY = ("a.txt", "b.txt", "c.txt")


def form(function: Form) -> Form:
    FORMS[function.__name__] = function
    return function


def names(rows: Iterable[Document]) -> list[str]:
    return [row.name for row in rows]


def each(world: World, ask: Callable[[Document], object]) -> list[str]:
    """The documents for which ``ask`` found something."""
    found = []
    for document in (world.a, world.b, world.c):
        try:
            if ask(document):
                found.append(document.name)
        except (Document.DoesNotExist, Http404, forms.ValidationError):
            pass
    return found


# --- plain ----------------------------------------------------------------------------------------
@form
def all_(world: World) -> Iterable[str]:
    return names(docs.all())


@form
def filter_(world: World) -> Iterable[str]:
    return names(docs.filter(name__endswith=".txt"))


@form
def filter_or(world: World) -> Iterable[str]:
    return names(docs.filter(Q(name="a.txt") | Q(name="b.txt") | Q(name="c.txt")))


@form
def exclude(world: World) -> Iterable[str]:
    return names(docs.exclude(name="nothing"))


@form
def negated(world: World) -> Iterable[str]:
    return names(docs.filter(~Q(name="nothing")))


@form
def ordered_and_sliced(world: World) -> Iterable[str]:
    return names(docs.order_by("name")[:10])


@form
def reversed_(world: World) -> Iterable[str]:
    return names(docs.order_by("name").reverse())


@form
def distinct(world: World) -> Iterable[str]:
    return names(docs.order_by("name").distinct())


@form
def get(world: World) -> Iterable[str]:
    return each(world, lambda one: docs.get(pk=one.pk))


@form
def get_by_name(world: World) -> Iterable[str]:
    return each(world, lambda one: docs.get(name=one.name))


@form
def first_and_last(world: World) -> Iterable[str]:
    rows = docs.order_by("name")
    return [row.name for row in (rows.first(), rows.last()) if row]


@form
def earliest_and_latest(world: World) -> Iterable[str]:
    return [docs.earliest("name").name, docs.latest("name").name]


@form
def indexed(world: World) -> Iterable[str]:
    return each(world, lambda one: docs.filter(pk=one.pk)[:1])


@form
def shortcuts(world: World) -> Iterable[str]:
    return each(world, lambda one: get_object_or_404(Document, pk=one.pk))


@form
def list_shortcut(world: World) -> Iterable[str]:
    return names(get_list_or_404(Document))


@form
def iterator(world: World) -> Iterable[str]:
    return names(docs.iterator(chunk_size=1))


@form
def in_bulk(world: World) -> Iterable[str]:
    return names(docs.in_bulk([world.a.pk, world.b.pk, world.c.pk]).values())


@form
def select_for_update(world: World) -> Iterable[str]:
    return names(docs.select_for_update().order_by("name"))


# --- columns --------------------------------------------------------------------------------------
@form
def values(world: World) -> Iterable[str]:
    return [row["name"] for row in docs.values("name")]


@form
def values_list(world: World) -> Iterable[str]:
    return docs.values_list("name", flat=True)


@form
def values_list_named(world: World) -> Iterable[str]:
    return [row.name for row in docs.values_list("name", named=True)]


@form
def only_and_defer(world: World) -> Iterable[str]:
    return [*names(docs.only("name")), *names(docs.defer("metadata"))]


@form
def annotated(world: World) -> Iterable[str]:
    return [str(row.low) for row in docs.annotate(low=Lower("name"))]


@form
def windowed(world: World) -> Iterable[str]:
    return names(docs.annotate(n=Window(RowNumber(), order_by=F("name").asc())))


@form
def dates(world: World) -> Iterable[str]:
    return each(world, lambda one: docs.filter(pk=one.pk).datetimes("created_at", "day"))


@form
def grouped(world: World) -> Iterable[str]:
    return [row["name"] for row in docs.values("name").annotate(n=Count("pk"))]


# --- combined -------------------------------------------------------------------------------------
@form
def union(world: World) -> Iterable[str]:
    rows = docs.order_by()
    return names(rows.filter(name="a.txt").union(rows.exclude(name="a.txt"), all=True))


@form
def intersection(world: World) -> Iterable[str]:
    return names(docs.order_by().intersection(docs.order_by().filter(name__endswith=".txt")))


@form
def difference(world: World) -> Iterable[str]:
    return names(docs.order_by().difference(docs.order_by().filter(name="nothing")))


@form
def either(world: World) -> Iterable[str]:
    return names(docs.filter(name="a.txt") | docs.exclude(name="a.txt"))


@form
def both(world: World) -> Iterable[str]:
    return names(docs.all() & docs.filter(name__endswith=".txt"))


@form
def in_subquery(world: World) -> Iterable[str]:
    return names(docs.filter(pk__in=docs.values("pk")))


@form
def of_collections_in_subquery(world: World) -> Iterable[str]:
    return names(docs.filter(collection__in=Collection.objects.all()))


@form
def exists_clause(world: World) -> Iterable[str]:
    return names(docs.filter(Exists(Chunk.objects.filter(document=OuterRef("pk")))))


@form
def scalar_subquery(world: World) -> Iterable[str]:
    inner = Document.objects.filter(pk=OuterRef("document_id")).values("name")[:1]
    rows = Chunk.objects.annotate(title=Subquery(inner)).values_list("title", flat=True)
    return [name for name in rows if name]
