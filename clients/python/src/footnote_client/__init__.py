"""Footnote's API in Python: ``Client`` and ``AsyncClient``."""

from footnote_client.aio import AsyncClient
from footnote_client.calls import Answer, Frame, Row, Unpacking
from footnote_client.client import Client
from footnote_client.errors import FootnoteError
from footnote_client.signing import Signer

__all__ = [
    "Answer",
    "AsyncClient",
    "Client",
    "FootnoteError",
    "Frame",
    "Row",
    "Signer",
    "Unpacking",
]
