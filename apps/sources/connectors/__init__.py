"""The kinds of source there are. A new kind is a class and a line here."""

from apps.sources.connectors.base import Connector
from apps.sources.connectors.bucket import Bucket
from apps.sources.connectors.confluence import Confluence
from apps.sources.connectors.folder import Folder
from apps.sources.connectors.mailbox import Mailbox
from apps.sources.connectors.webdav import Webdav
from apps.sources.connectors.website import Website

KINDS: dict[str, type[Connector]] = {
    kind.kind: kind
    for kind in (
        Folder,
        Website,
        Webdav,
        Bucket,
        Mailbox,
        Confluence,
    )
}
