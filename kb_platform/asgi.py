"""HTTP and WebSocket: the one way in for people and programs."""

import os
from typing import cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_platform.settings")

import django

django.setup(set_prefix=False)  # fills the app registry; what follows imports models

from channels.routing import ProtocolTypeRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from apps.core.uploads import AsgiApp, BodyLimit  # noqa: E402
from kb_platform.env import env  # noqa: E402
from kb_platform.handler import OneStepHandler  # noqa: E402
from kb_platform.headers import LeastHeaders  # noqa: E402
from kb_platform.lifespan import lifespan  # noqa: E402
from kb_platform.peer import behind_proxies  # noqa: E402
from kb_platform.sockets import sockets  # noqa: E402

application = behind_proxies(
    ProtocolTypeRouter(
        {
            "http": LeastHeaders(BodyLimit(cast("AsgiApp", OneStepHandler()))),
            "websocket": AllowedHostsOriginValidator(sockets),
            "lifespan": lifespan,
        }
    ),
    env().trusted_proxies,
)
