"""Forms of a read that go along relations, around the manager, or carry a queryset elsewhere."""

import copy
import pickle
from collections.abc import Iterable

from django import forms
from django.core.paginator import Paginator
from django.db.models import (
    Count,
    FilteredRelation,
    Prefetch,
    Q,
    Value,
)

from apps.documents.models import Chunk, Document, DocumentVersion
from apps.permissions.scope import ScopeMissing
from apps.workspaces.models import Collection
from tests.apps.permissions.read_forms import EVERY, KEPT, docs, each, form, names
from tests.apps.permissions.world import World


# --- along relations ------------------------------------------------------------------------------
@form
def along_joins(world: World) -> Iterable[str]:
    return names(docs.filter(versions__chunks__text__icontains="notice").distinct())


@form
def excluded_along_joins(world: World) -> Iterable[str]:
    return names(docs.exclude(versions__chunks__text="nothing of the kind"))


@form
def filtered_relation(world: World) -> Iterable[str]:
    first = FilteredRelation("versions", condition=Q(versions__number=1))
    return names(docs.annotate(first=first).filter(first__number=1))


@form
def select_related(world: World) -> Iterable[str]:
    rows = Chunk.objects.select_related("document", "version__document")
    return [name for row in rows for name in (row.document.name, row.version.document.name)]


@form
def lazy_foreign_key(world: World) -> Iterable[str]:
    return [row.document.name for row in DocumentVersion.objects.all()]


@form
def lazy_foreign_key_of_a_row_in_hand(world: World) -> Iterable[str]:
    def follow(one: Document) -> bool:
        row = DocumentVersion(document_id=one.pk, collection_id=one.collection_id)
        return bool(row.document)

    return each(world, follow)


@form
def prefetch_forward(world: World) -> Iterable[str]:
    return [row.document.name for row in Chunk.objects.prefetch_related("document")]


@form
def prefetch_backward(world: World) -> Iterable[str]:
    rooms = Collection.objects.prefetch_related("documents")
    return [one.name for room in rooms for one in room.documents.all()]


@form
def prefetch_of_rows_in_hand(world: World) -> Iterable[str]:
    found = []
    for room in (world.open_to_viewer, world.closed, world.elsewhere):
        found += names(Document.objects.filter(collection=room))
        found += names(room.documents.all())
    return found


@form
def prefetch_with_a_queryset(world: World) -> Iterable[str]:
    ask = Prefetch("documents", Document.objects.order_by("name"), to_attr="found")
    return [one.name for room in Collection.objects.prefetch_related(ask) for one in room.found]


@form
def reverse_manager(world: World) -> Iterable[str]:
    rooms = (world.open_to_viewer, world.closed, world.elsewhere)
    return [name for room in rooms for name in names(room.documents.filter(name__in=EVERY))]


@form
def counted_backwards(world: World) -> Iterable[str]:
    rows = docs.annotate(n=Count("versions__chunks"))
    return [row.name for row in rows if row.n]


# --- around the manager ---------------------------------------------------------------------------
@form
def refresh_from_db(world: World) -> Iterable[str]:
    def again(one: Document) -> bool:
        copy.copy(one).refresh_from_db()
        return True

    return each(world, again)


@form
def deferred_column(world: World) -> Iterable[str]:
    def later(one: Document) -> bool:
        row = Document(pk=one.pk)
        del row.__dict__["name"]
        return bool(row.name)

    return each(world, later)


@form
def base_manager(world: World) -> Iterable[str]:
    return names(Document._base_manager.all())


@form
def default_manager(world: World) -> Iterable[str]:
    return names(Document._default_manager.all())


@form
def other_manager(world: World) -> Iterable[str]:
    return names(Document.with_deleted.all())


@form
def using(world: World) -> Iterable[str]:
    return names(docs.using("default"))


@form
def get_or_create_finds(world: World) -> Iterable[str]:
    def find(one: Document) -> bool:
        try:
            return not docs.get_or_create(pk=one.pk, defaults={"collection_id": None})[1]
        except ScopeMissing:
            raise
        except Exception:  # noqa: BLE001 - refused in one way or another
            return False

    return each(world, find)


# --- kept and carried -----------------------------------------------------------------------------
@form
def kept_in_a_module(world: World) -> Iterable[str]:
    return names(KEPT.all())


@form
def pickled(world: World) -> Iterable[str]:
    with world.as_("owner"):
        rows = docs.all()
        assert len(rows) == 2
        carried = pickle.dumps(rows)
    return names(pickle.loads(carried))


@form
def pickled_query(world: World) -> Iterable[str]:
    rows = docs.all()
    rows.query = pickle.loads(pickle.dumps(docs.order_by("name").query))
    return names(rows)


@form
def deep_copied(world: World) -> Iterable[str]:
    with world.as_("owner"):
        rows = docs.all()
        assert len(rows) == 2
        copied = copy.deepcopy(rows)
    return names(copied)


@form
def fetched_by_somebody_else(world: World) -> Iterable[str]:
    with world.as_("owner"):
        rows = docs.all()
        assert len(rows) == 2
    found = [row.name for row in rows]
    return [*found, *names(rows[:5]), *([rows[0].name] if rows.exists() else [])]


@form
def prefetched_by_somebody_else(world: World) -> Iterable[str]:
    found = []
    for actor in ("owner", "stranger"):
        with world.as_(actor):
            rooms = list(Collection.objects.prefetch_related("documents"))
        found += [one.name for room in rooms for one in room.documents.all()]
    return found


@form
def paginator(world: World) -> Iterable[str]:
    with world.as_("owner"):
        rows = docs.order_by("name")
        pages = Paginator(rows, 10)
        assert pages.count == 2
        assert len(rows) == 2
    return names(pages.page(1).object_list)


@form
def form_field(world: World) -> Iterable[str]:
    class Choose(forms.Form):
        one = forms.ModelChoiceField(Document.objects.all(), required=False)

    offered = [label for value, label in Choose().fields["one"].choices if value]
    accepted = each(world, lambda one: Choose.base_fields["one"].clean(one.pk))
    return [*offered, *accepted]


@form
def form_field_for_many(world: World) -> Iterable[str]:
    field = forms.ModelMultipleChoiceField(KEPT)
    return each(world, lambda one: list(field.clean([one.pk])))


@form
def model_form(world: World) -> Iterable[str]:
    class Edit(forms.ModelForm):
        class Meta:
            model = Chunk
            fields = ("document",)

    return each(world, lambda one: Edit.base_fields["document"].clean(one.pk))


@form
def contains(world: World) -> Iterable[str]:
    return each(world, lambda one: docs.all().contains(one))


@form
def exists(world: World) -> Iterable[str]:
    return each(world, lambda one: docs.filter(pk=one.pk).exists())


@form
def count(world: World) -> Iterable[str]:
    return each(world, lambda one: docs.filter(pk=one.pk).count())


@form
def aggregate(world: World) -> Iterable[str]:
    return each(world, lambda one: docs.filter(pk=one.pk).aggregate(n=Count("pk"))["n"])


@form
def literal_only(world: World) -> Iterable[str]:
    """A query that selects no column of the table still says whether there is a row."""
    asked = docs.annotate(one=Value(1)).values_list("one", flat=True)
    return each(world, lambda one: list(asked.filter(pk=one.pk)))
