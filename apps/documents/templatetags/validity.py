"""When a document counts, for templates."""

from django import template

from apps.documents.models import Document
from apps.documents.validity import standing_of

register = template.Library()


@register.filter
def standing(document: Document) -> str:
    """future, expired, review or nothing."""
    return standing_of(document)
