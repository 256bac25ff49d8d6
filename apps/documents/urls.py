"""Addresses of documents: /k/ is a collection, /d/ a document."""

from django.urls import path

from apps.documents import views
from apps.documents.deletion import pages as deletion_pages
from apps.documents.embedding import pages as embedding_pages
from apps.documents.life import pages as life_pages
from apps.documents.passages import cutting_pages
from apps.documents.passages import pages as passage_pages
from apps.documents.reader import pages as reader_pages
from apps.documents.why import pages as why_pages

app_name = "documents"

urlpatterns = [
    path("w/<slug:slug>/documents", views.workspace, name="workspace"),
    path("w/<slug:slug>/why", why_pages.page, name="why"),
    path("incoming", views.incoming, name="incoming"),
    path("k/<uuid:collection>/", views.listing, name="list"),
    path("k/<uuid:collection>/rows", views.rows, name="rows"),
    path("k/<uuid:collection>/text", views.add_text, name="text"),
    path("k/<uuid:collection>/retry", views.retry_failed, name="retry-failed"),
    path(
        "k/<uuid:collection>/deletions", deletion_pages.of_collection, name="deletions-collection"
    ),
    path("w/<slug:slug>/deletions", deletion_pages.of_workspace, name="deletions-workspace"),
    path("deletions", deletion_pages.everywhere, name="deletions"),
    path("deletions/<uuid:deletion>", deletion_pages.receipt, name="deletion"),
    path("deletions/<uuid:deletion>/receipt.json", deletion_pages.receipt_file, name="receipt"),
    path("administration/embedding", embedding_pages.embedding, name="embedding"),
    path("administration/embedding/cost", embedding_pages.ask_cost, name="embedding-cost"),
    path("administration/embedding/begin", embedding_pages.begin, name="embedding-begin"),
    path("administration/embedding/decide", embedding_pages.decide, name="embedding-decide"),
    path(
        "administration/embedding/<uuid:profile>/return",
        embedding_pages.return_to,
        name="embedding-return",
    ),
    path(
        "administration/embedding/<uuid:profile>/release",
        embedding_pages.release,
        name="embedding-release",
    ),
    path("k/<uuid:collection>/cutting", cutting_pages.cutting, name="cutting"),
    path("k/<uuid:collection>/cutting/apply", cutting_pages.apply, name="cutting-apply"),
    path("k/<uuid:collection>/cutting/undo", cutting_pages.undo, name="cutting-undo"),
    path("k/<uuid:collection>/cutting/again", cutting_pages.again, name="cutting-again"),
    path("k/<uuid:collection>/cutting/progress", cutting_pages.progress, name="cutting-progress"),
    path("d/<uuid:document>", reader_pages.document, name="document"),
    path("d/<uuid:document>/row", views.row, name="row"),
    path("d/<uuid:document>/content", reader_pages.content, name="content"),
    path("d/<uuid:document>/text", reader_pages.text_blocks, name="text-blocks"),
    path("d/<uuid:document>/passages", passage_pages.listing, name="passages"),
    path("d/<uuid:document>/passages/add", passage_pages.add, name="passage-add"),
    path("d/<uuid:document>/passages/<uuid:chunk>", passage_pages.one, name="passage"),
    path("d/<uuid:document>/passages/<uuid:chunk>/edit", passage_pages.edit, name="passage-edit"),
    path(
        "d/<uuid:document>/passages/<uuid:chunk>/state", passage_pages.state, name="passage-state"
    ),
    path(
        "d/<uuid:document>/passages/<uuid:chunk>/revert",
        passage_pages.revert,
        name="passage-revert",
    ),
    path(
        "d/<uuid:document>/passages/<uuid:chunk>/history",
        passage_pages.history,
        name="passage-history",
    ),
    path("d/<uuid:document>/edits/<uuid:edit>/settle", passage_pages.settle, name="edit-settle"),
    path("d/<uuid:document>/retry", views.retry, name="retry"),
    path("d/<uuid:document>/rename", views.rename, name="rename"),
    path("d/<uuid:document>/validity", life_pages.validity, name="validity"),
    path("d/<uuid:document>/compare", life_pages.compare, name="compare"),
    path(
        "d/<uuid:document>/versions/<uuid:version>/return",
        life_pages.return_to,
        name="version-return",
    ),
    path("d/<uuid:document>/delete", views.delete, name="delete"),
]
