"""What templates ask about the person in front of them."""

from django import template
from django.http import HttpRequest

from apps.accounts import reauth
from apps.events.models import Event
from apps.events.sentences import details, sentence_of

register = template.Library()


@register.filter
def is_confirmed(request: HttpRequest) -> bool:
    """Whether they need not confirm who they are before a dangerous act."""
    return reauth.is_recent(request)


@register.filter
def sentence(event: Event) -> str:
    """What happened, in words."""
    return sentence_of(event.kind)


@register.filter
def circumstances(event: Event) -> str:
    """What else the event says: the way, the provider."""
    return details(event.data)
