"""Most generated requests name things that there are: else every answer would be 404.

Loaded by Schemathesis (``SCHEMATHESIS_HOOKS``); the things are in ``FOOTNOTE_FUZZ_NAMES``.
"""

import json
import os
from typing import Any
from zlib import crc32

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.specs.openapi.checks import negative_data_rejection

NAMES: dict[str, str] = json.loads(os.environ.get("FOOTNOTE_FUZZ_NAMES", "{}"))
# Of eight requests this many keep what was generated.
_KEPT_OF_8 = 2


@schemathesis.hook
def map_path_parameters(
    _context: schemathesis.HookContext, path_parameters: dict[str, Any]
) -> dict[str, Any]:
    if not path_parameters:
        return path_parameters
    if crc32(repr(sorted(path_parameters.items())).encode()) % 8 < _KEPT_OF_8:
        return path_parameters
    return {name: NAMES.get(name, value) for name, value in path_parameters.items()}


@schemathesis.serializer("application/offset+octet-stream")
def _piece(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.check
def refuses_what_breaks_the_schema(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """As the built-in check, but for what we take on purpose: a value of another JSON type that
    says the same ("true", 7 for a text), and 412, which is answered before a body is read."""
    try:
        negative_data_rejection(context, response, case)
    except AcceptedNegativeData as failure:
        if response.status_code != 412 and "type" not in failure.message.lower():
            raise
