"""The checks of scim2-tester, which nobody here wrote, against our own addresses."""

from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_models import ScimProvider
from scim2_tester import Status, check_server

from apps.scim.resources import Group, User

pytestmark = pytest.mark.django_db


def test_every_check_of_the_tester_passes(entra, settings: Any) -> None:
    settings.PUBLIC_URL = "http://localhost"
    client = WSGISCIMClient(
        get_wsgi_application(),
        base_url="http://localhost/scim/v2",
        headers={"Authorization": f"Bearer {entra.plain}"},
        provider=ScimProvider(models=[User, Group]),
    )
    results = check_server(client)
    failed = [
        (each.title, each.reason)
        for each in results
        if each.status in {Status.ERROR, Status.CRITICAL}
    ]
    assert failed == []
    assert sum(each.status == Status.SUCCESS for each in results) > 40
