"""The committed schema is the schema: a change of the API is seen in review."""

from io import StringIO

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from tests.guards.code import ROOT

_FILE = ROOT / "docs" / "openapi.yaml"
_WRITES = {"post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def schema():
    out = StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)
    return yaml.safe_load(out.getvalue())


def _operations(schema):
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_the_committed_schema_is_up_to_date(schema):
    committed = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    assert committed == schema, "run: make api-docs"


def test_every_operation_says_what_it_does_and_how_it_fails(schema):
    for name, operation in _operations(schema):
        assert operation["summary"], name
        assert operation["tags"], name
        if "health" not in name:
            assert "401" in operation["responses"], name


def test_every_operation_has_a_name_of_its_own(schema):
    names = [operation["operationId"] for _name, operation in _operations(schema)]
    assert len(names) == len(set(names))


def test_every_operation_that_names_a_thing_can_answer_that_it_is_not_there(schema):
    for name, operation in _operations(schema):
        if "{" in name and name.partition(" ")[0] in _WRITES | {"get"} and "/keys" not in name:
            assert "404" in operation["responses"], name


def test_the_schema_is_served_without_a_key_and_without_secrets(db, settings):
    answer = Client().get("/api/v1/schema")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert yaml.safe_load(text)["openapi"] == "3.1.0"
    assert settings.SECRET_KEY not in text
    assert str(settings.DATA_DIR) not in text
