"""A role as a row: a name for a set of the permissions that there are."""

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7
from apps.permissions.roles import Permission


class CustomRole(models.Model):
    """One of the installation's own roles. Every workspace can give it; who gives it has to hold
    everything that is in it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=60)
    permissions = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(Lower("name"), name="one_role_per_name"),)

    def __str__(self) -> str:
        return self.name

    def held(self) -> frozenset[Permission]:
        """What it allows. A permission that this program does not know any more allows nothing."""
        known = {permission.value for permission in Permission}
        return frozenset(Permission(value) for value in self.permissions if value in known)
