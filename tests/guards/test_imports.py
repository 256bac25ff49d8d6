"""Web and worker processes stay small: what is heavy lives in the hosts."""

import os
import subprocess
import sys

import pytest

from tests.guards.code import ROOT

HEAVY = ("torch", "onnxruntime", "lancedb", "pyarrow", "unstructured", "sentence_transformers")
_CHECK = f"import sys; print(sorted(set(sys.modules) & set({HEAVY!r})))"


def _loaded(code: str) -> str:
    """Heavy modules that a fresh interpreter holds after running ``code``."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{_CHECK}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


_TASKS = (
    "import workers.app, django; django.setup();"
    "workers.app.celery_app.loader.import_default_modules()"
)
_ROUTES = (
    "import django; django.setup(); from django.urls import get_resolver as r; r().url_patterns"
)


@pytest.mark.parametrize(
    "code",
    ["import kb_platform.asgi", _ROUTES, _TASKS, "import workers.supervise"],
    ids=["web", "routes", "celery", "supervisor"],
)
def test_a_process_loads_nothing_heavy(code):
    assert _loaded(code) == "[]"
