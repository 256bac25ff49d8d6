"""The API, call by call, on a page that anybody may read."""

import re

from django.test import Client
from django.urls import reverse

from apps.core.api_reference import sections


def page(**headers: str) -> str:
    response = Client().get("/api/docs", headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_whoever_is_not_signed_in_reads_it_in_both_languages(db: None) -> None:
    assert "First steps" in page()
    assert "第一步" in page(**{"accept-language": "zh-Hans"})


def test_every_call_of_the_schema_is_on_it_once(db: None) -> None:
    schema = Client().get(reverse("api:schema")).content.decode()
    said = re.findall(r"^\s+operationId: (\S+)$", schema, re.MULTILINE)
    shown = re.findall(r'<details class="api-call" id="([^"]+)"', page())
    assert len(said) > 150
    assert sorted(said) == sorted(shown)


def test_what_is_sent_and_what_comes_back_is_shown_by_example(db: None) -> None:
    calls = {call.id: call for section in sections() for call in section.operations}
    upload = calls["documents_add"]
    assert upload.is_file
    assert "three months" in upload.body
    without = {
        call.id for call in calls.values() if call.method in {"PATCH", "PUT"} and not call.body
    }
    assert without == {"uploads_append", "inner_groups_add"}, "bytes, and all in the address"
    assert any(answer.example for answer in calls["documents_list"].answers)
    told = {answer.status for answer in calls["documents_list"].answers}
    assert {"200", "401", "404"} <= told


def test_nothing_of_it_comes_from_elsewhere_or_runs_inline(db: None) -> None:
    html = page()
    assert not re.search(r'(src|href)="(https?:)?//', html)
    assert "<style" not in html
    assert " style=" not in html
    assert not re.search(r"<script(?![^>]*(src=|application/json))", html)


def test_the_page_names_no_installation_of_others(db: None, settings) -> None:
    settings.PUBLIC_URL = "https://kb.example.com/"
    assert 'curl -H "Authorization: Bearer $KEY" https://kb.example.com/api/v1/me' in page()
