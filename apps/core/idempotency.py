"""A write that is sent twice happens once: the ``Idempotency-Key`` header."""

import hashlib
import hmac
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import ApiView
from apps.core.errors import AppError, ErrorCode

P = ParamSpec("P")
V = TypeVar("V", bound=ApiView)

KEPT_S = 24 * 3600
# A write whose process died is free again after this.
RUNNING_S = 10 * 60
KEY_MOST = 255
REPLAYED = "Idempotent-Replayed"


class Once:
    """One intended write of one actor. ``begin`` → the answer kept, or None: go on and write."""

    def __init__(self, request: Request, name: str) -> None:
        # By key as well: what a key for everything was answered is not for one that reads.
        key = getattr(request.auth, "pk", None)
        digest = hashlib.sha256(f"{request.user.pk}\0{key}\0{name}".encode()).hexdigest()
        self.slot = f"idempotency:{digest}"
        self.fingerprint = _fingerprint(request)

    def begin(self) -> Any:
        if cache.add(self.slot, (self.fingerprint, None), RUNNING_S):
            return None
        fingerprint, answer = cache.get(self.slot) or (self.fingerprint, None)
        if fingerprint != self.fingerprint:
            raise AppError(ErrorCode.IDEMPOTENCY_CONFLICT, status=409)
        if answer is None:  # the first one is still being worked on
            raise AppError(ErrorCode.IDEMPOTENCY_CONFLICT, status=409, in_progress=True)
        return answer

    def keep(self, answer: Any) -> None:
        """Remember ``answer`` (JSON values only) for a day."""
        cache.set(self.slot, (self.fingerprint, answer), KEPT_S)

    def forget(self) -> None:
        """Nothing was written: the same key may try again."""
        cache.delete(self.slot)


def once(request: Request) -> Once | None:
    """The intended write that the request's Idempotency-Key names, if it has one."""
    name = request.headers.get("Idempotency-Key", "")
    if not name:
        return None
    if len(name) > KEY_MOST:
        raise ValidationError({"Idempotency-Key": f"at most {KEY_MOST} characters"})
    return Once(request, name)


def idempotent(
    method: Callable[Concatenate[V, Request, P], Response],
) -> Callable[Concatenate[V, Request, P], Response]:
    """Give a view method the header's promise. Before a kept answer is repeated, ``place`` looks
    again whether the caller may still see what the address names."""

    @wraps(method)
    def wrapper(view: V, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Response:
        write = once(request)
        if write is None:
            return method(view, request, *args, **kwargs)
        view.place(**kwargs)
        if (kept := write.begin()) is not None:
            status, data = kept
            return Response(data, status=status, headers={REPLAYED: "true"})
        response = None
        try:
            response = method(view, request, *args, **kwargs)
        finally:
            if response is None:
                write.forget()
        write.keep((response.status_code, response.data))
        return response

    return wrapper


def _fingerprint(request: Request) -> str:
    """A digest of everything the request asks for: address, fields and the bytes of its files. With
    the installation's key: a body may hold a password, and what is kept must not help to guess it."""
    digest = hmac.new(settings.SECRET_KEY.encode(), digestmod=hashlib.sha256)
    digest.update(f"{request.method} {request.get_full_path()}\0".encode())
    if (request.content_type or "").startswith("multipart/"):
        fields = cast(QueryDict, request.data)
        for key, values in sorted(fields.lists()):
            for value in values:
                digest.update(f"{key}\0".encode())
                _add(digest, value)
    else:
        digest.update(request.body)
    return digest.hexdigest()


def _add(digest: hmac.HMAC, value: object) -> None:
    if not isinstance(value, UploadedFile):
        digest.update(f"{value}\0".encode())
        return
    digest.update(f"{value.name}\0{value.size}\0".encode())
    for piece in value.chunks():
        digest.update(piece)
    value.seek(0)
