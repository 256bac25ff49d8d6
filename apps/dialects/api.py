"""/v1: the addresses of OpenAI's dialect."""

from django.urls import path

from apps.dialects import files, stores, vectors
from apps.dialects.chat import ChatCompletionsView

app_name = "openai"

urlpatterns = [
    path("models", vectors.ModelsView.as_view(), name="models"),
    path("models/<path:model>", vectors.ModelView.as_view(), name="model"),
    path("chat/completions", ChatCompletionsView.as_view(), name="chat"),
    path("embeddings", vectors.EmbeddingsView.as_view(), name="embeddings"),
    path("files", files.FilesView.as_view(), name="files"),
    path("files/<str:file>", files.FileView.as_view(), name="file"),
    path("files/<str:file>/content", files.FileContentView.as_view(), name="file-content"),
    path("vector_stores", stores.StoresView.as_view(), name="stores"),
    path("vector_stores/<str:store>", stores.StoreView.as_view(), name="store"),
    path("vector_stores/<str:store>/search", stores.StoreSearchView.as_view(), name="store-search"),
    path("vector_stores/<str:store>/files", stores.StoreFilesView.as_view(), name="store-files"),
    path(
        "vector_stores/<str:store>/files/<str:file>",
        stores.StoreFileView.as_view(),
        name="store-file",
    ),
    path("rerank", vectors.RerankView.as_view(), name="rerank"),
]
