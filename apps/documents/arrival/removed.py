"""Attachments that somebody deleted: they stay away when their mail is read again."""

from apps.core.errors import ErrorCode
from apps.documents.models import Document, DocumentVersion


def note_removed(document: Document) -> None:
    """Write it down at the mail of ``document``, if it has one."""
    if document.parent_id is None:
        return
    versions = DocumentVersion.objects.filter(document_id=document.parent_id)
    mail = versions.select_for_update().order_by("-number").first()
    named = document.versions.order_by("-number").values_list("filename", flat=True).first()
    if mail is None or named is None:
        return
    said = {"taken": [], "left": [], **(mail.attachments or {})}
    said["left"] = [*said["left"], (named, ErrorCode.ATTACHMENT_REMOVED)]
    DocumentVersion.objects.filter(pk=mail.pk).update(attachments=said)


def removed_by_hand(version: DocumentVersion) -> list[str]:
    """Names of what was attached to this version and deleted."""
    left = (version.attachments or {}).get("left", [])
    return [name for name, code in left if code == ErrorCode.ATTACHMENT_REMOVED]
