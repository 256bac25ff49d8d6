"""The door of ``/scim/v2``: whose token, which address; every answer in SCIM's shape."""

import json

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from pydantic import ValidationError
from scim2_models import Error, SCIMException

from apps.accounts.authentication import bearer
from apps.core.errors import AppError, message_of
from apps.permissions.scope import system_scope
from apps.scim import answers, services, tokens
from apps.scim.models import Provisioning
from apps.scim.protocol import Call, respond
from apps.scim.resources import POLICY


@csrf_exempt
@login_not_required
def door(request: HttpRequest, path: str = "") -> HttpResponse:
    """A session counts for nothing here, and neither does any other key."""
    plain = bearer(request.headers.get("Authorization", ""))
    provisioning = tokens.provisioning_of(plain) if plain else None
    if provisioning is None:
        response = answers.error(
            401, "This token is not valid. Make one on the page of the source."
        )
        response["WWW-Authenticate"] = 'Bearer realm="scim"'
        return response
    with system_scope("scim: what another system tells of the people of its source"), POLICY:
        response = _answered(request, provisioning, path)
    said = _said(response) if response.status_code >= 400 else ""
    services.note(
        provisioning=provisioning,
        method=str(request.method),
        address=request.get_full_path().removeprefix("/scim/v2"),
        status=response.status_code,
        said=said,
    )
    return response


def _answered(request: HttpRequest, provisioning: Provisioning, path: str) -> HttpResponse:
    try:
        response = respond(Call(request, provisioning), path)
    except SCIMException as error:
        return answers.error(error.status, str(error), error.scim_type)
    except ValidationError as error:
        first = Error.from_validation_errors(error)[0]
        return answers.error(first.status or 400, first.detail or "", first.scim_type or "")
    except AppError as error:
        return answers.error(error.status, str(message_of(error.code)))
    except RequestDataTooBig:
        return answers.error(413, "This is too much for one request.")
    except IntegrityError:
        return answers.error(409, "Somebody changed this at the same time.", "uniqueness")
    return response or answers.error(405, "This address does not take that method.")


def _said(response: HttpResponse) -> str:
    """The sentence of an error, as it is in its body."""
    return str(json.loads(response.content).get("detail", ""))
