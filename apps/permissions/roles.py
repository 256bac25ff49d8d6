"""Who may do what: the whole policy on one screen."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Permission(StrEnum):
    """One thing a person may do. The first group holds in a workspace, the last in the installation."""

    WORKSPACE_VIEW = "workspace.view"
    ASK = "chat.ask"
    DOCUMENT_READ = "document.read"
    DOCUMENT_WRITE = "document.write"
    COLLECTION_MANAGE = "collection.manage"
    MEMBER_MANAGE = "member.manage"
    WORKSPACE_MANAGE = "workspace.manage"

    WORKSPACE_CREATE = "workspace.create"
    ADMINISTER = "installation.administer"
    AUDIT = "installation.audit"
    WEBHOOKS = "application.webhooks"


class Role(models.TextChoices):
    """What a person is in one workspace, or is granted on one collection."""

    VIEWER = "viewer", _("Viewer")
    CONTRIBUTOR = "contributor", _("Contributor")
    MANAGER = "manager", _("Manager")


_VIEWER = frozenset({Permission.WORKSPACE_VIEW, Permission.ASK, Permission.DOCUMENT_READ})
_CONTRIBUTOR = _VIEWER | {Permission.DOCUMENT_WRITE}
_MANAGER = _CONTRIBUTOR | {
    Permission.COLLECTION_MANAGE,
    Permission.MEMBER_MANAGE,
    Permission.WORKSPACE_MANAGE,
}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.CONTRIBUTOR: _CONTRIBUTOR,
    Role.MANAGER: _MANAGER,
}

# What a role that people made themselves may be of, and what each part of it is nothing without:
# who may not read a collection cannot write to it, ask over it or decide who opens it.
WORKSPACE_PERMISSIONS = tuple(Permission)[:7]
NEEDS: dict[Permission, Permission] = {
    Permission.ASK: Permission.DOCUMENT_READ,
    Permission.DOCUMENT_WRITE: Permission.DOCUMENT_READ,
    Permission.COLLECTION_MANAGE: Permission.DOCUMENT_READ,
}

# An administrator runs the installation; reading a department's documents needs a role there,
# which an administrator can take, visibly: the event log says so.
ADMINISTRATOR: frozenset[Permission] = frozenset(
    {Permission.ADMINISTER, Permission.AUDIT, Permission.WORKSPACE_CREATE}
)
EVERYONE: frozenset[Permission] = frozenset()


class KeyScope(models.TextChoices):
    """What an API key may be used for; never more than its owner may do."""

    READ = "read", _("Read and search")
    ASK = "ask", _("Ask questions")
    WRITE = "write", _("Add and remove documents")
    ALL = "all", _("Everything you may do")


KEY_GRANTS: dict[KeyScope, frozenset[Permission]] = {
    KeyScope.READ: frozenset({Permission.WORKSPACE_VIEW, Permission.DOCUMENT_READ}),
    KeyScope.ASK: _VIEWER,
    KeyScope.WRITE: frozenset(
        {Permission.WORKSPACE_VIEW, Permission.DOCUMENT_READ, Permission.DOCUMENT_WRITE}
    ),
    KeyScope.ALL: frozenset(Permission),
}


class ApplicationScope(models.TextChoices):
    """What an application may be used for: any of these together. Nothing of the installation but its
    events."""

    READ = "read", _("Read and search")
    ASK = "ask", _("Ask questions")
    WRITE = "write", _("Add and remove documents")
    MANAGE = "manage", _("Manage collections, members and grants")
    AUDIT = "audit", _("Read the events of the installation, but not those of documents")
    WEBHOOKS = "webhooks", _("Register addresses that are told what happens")


APPLICATION_GRANTS: dict[ApplicationScope, frozenset[Permission]] = {
    ApplicationScope.READ: frozenset({Permission.WORKSPACE_VIEW, Permission.DOCUMENT_READ}),
    ApplicationScope.ASK: _VIEWER,
    ApplicationScope.WRITE: frozenset(
        {Permission.WORKSPACE_VIEW, Permission.DOCUMENT_READ, Permission.DOCUMENT_WRITE}
    ),
    ApplicationScope.MANAGE: frozenset(
        {
            Permission.WORKSPACE_VIEW,
            Permission.COLLECTION_MANAGE,
            Permission.MEMBER_MANAGE,
            Permission.WORKSPACE_MANAGE,
        }
    ),
    ApplicationScope.AUDIT: frozenset({Permission.AUDIT}),
    ApplicationScope.WEBHOOKS: frozenset({Permission.WEBHOOKS}),
}
