"""API views that are for those who run the installation."""

from rest_framework.request import Request

from apps.core.drf import ApiView
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope


class AdministrationView(ApiView):
    """Asked before anything is looked up, so that no id tells others whether it names something."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        current_scope().require(Permission.ADMINISTER)
