"""What a document from a source is called, and how it is found again."""

from apps.documents.names import LONGEST_BYTES, clean_name, suffix_of
from apps.engines.media_types import SUFFIXES
from apps.sources.connectors.base import Entry, digest_of
from apps.sources.models import Source

# Folders stay readable in a name, which itself holds none.
BETWEEN = " › "
MOST_EXTERNAL = 255


def external_id(source: Source, key: str) -> str:
    """``source:ID:key``, or a digest of the key when it is too long or would not stay as it is."""
    plain = f"source:{source.pk}:{key}"
    is_plain = key.isprintable() and key == key.strip() and len(plain) <= MOST_EXTERNAL
    return plain if is_plain else f"source:{source.pk}:sha256-{digest_of(key)}"


def name_of(entry: Entry, opened: str) -> str:
    """The name with as many of its folders, from the nearest on, as have room."""
    name = clean_name(opened or entry.name)
    for part in reversed([each for each in entry.folder.split("/") if each]):
        longer = f"{clean_name(part)}{BETWEEN}{name}"
        if len(longer.encode()) > LONGEST_BYTES:
            break
        name = longer
    return name


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
    return suffix_of(name) in SUFFIXES
