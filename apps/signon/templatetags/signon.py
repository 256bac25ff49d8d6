"""What the page of one's own account shows of providers."""

from django import template

from apps.accounts.models import User
from apps.signon.models import SignOnIdentity, SignOnProvider
from apps.signon.ways import providers_with_button

register = template.Library()


@register.simple_tag
def providers_of(user: User) -> list[tuple[SignOnProvider, SignOnIdentity | None]]:
    """Each provider that people may sign in with, and how this person is known there."""
    known = {row.provider_id: row for row in SignOnIdentity.objects.filter(user=user)}
    return [(provider, known.get(provider.pk)) for provider in providers_with_button()]
