"""Every knob is documented, and what is documented is a knob."""

import re

from kb_platform.env import Env
from tests.guards.code import ROOT, modules


def test_the_variables_are_those_of_the_documentation():
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(KB_[A-Z0-9_]+)`", text))
    assert documented == {f"KB_{name.upper()}" for name in Env.model_fields}


def test_every_variable_is_explained():
    assert all(field.description for field in Env.model_fields.values())


def test_only_the_project_reads_the_environment():
    readers = {
        module.path
        for module in modules("apps")
        if re.search(r"os\.environ|os\.getenv", module.text)
    }
    # Programs of their own: a host or a child process is started with an environment, not settings.
    assert readers <= {
        path for path in readers if path.startswith(("apps/engines/", "apps/core/leash"))
    }
