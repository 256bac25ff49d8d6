"""What a document from a source is called, and how it is found again."""

from apps.documents.arrival.names import clean_path, suffix_of
from apps.engines.archives import kind_of
from apps.engines.media_types import SUFFIXES
from apps.sources.connectors.base import Entry, digest_of
from apps.sources.models import Source

MOST_EXTERNAL = 255


def external_id(source: Source, key: str) -> str:
    """``source:ID:key``, or a digest of the key when it is too long or would not stay as it is."""
    plain = f"source:{source.pk}:{key}"
    is_plain = key.isprintable() and key == key.strip() and len(plain) <= MOST_EXTERNAL
    return plain if is_plain else f"source:{source.pk}:sha256-{digest_of(key)}"


def name_of(entry: Entry) -> str:
    """The name with the folders that it lies in, as documents have it."""
    return clean_path(f"{entry.folder}/{entry.name}" if entry.folder else entry.name)


def metadata_of(source: Source, entry: Entry) -> dict[str, str]:
    """What is kept beside the text, for everybody who may read the document: no addresses."""
    said = {"source": source.name, **entry.metadata}
    if entry.folder:
        said["folder"] = entry.folder
    if entry.modified is not None:
        said["modified"] = entry.modified.isoformat(timespec="seconds")
    return said


def takes_suffix(name: str) -> bool:
    """Whether files of this name are read at all: the others are not even fetched."""
    return suffix_of(name) in SUFFIXES or kind_of(name) is not None
