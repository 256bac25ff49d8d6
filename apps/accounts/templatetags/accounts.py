"""What templates ask about the person in front of them."""

from django import template
from django.http import HttpRequest

from apps.accounts import reauth

register = template.Library()


@register.filter
def is_confirmed(request: HttpRequest) -> bool:
    """Whether they need not confirm who they are before a dangerous act."""
    return reauth.is_recent(request)
