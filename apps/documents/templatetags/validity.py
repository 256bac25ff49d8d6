"""When a document counts, for templates."""

from django import template

from apps.documents.life.validity import standing_of
from apps.documents.models import Document

register = template.Library()


@register.filter
def standing(document: Document) -> str:
    """future, expired, review or nothing."""
    return standing_of(document)
