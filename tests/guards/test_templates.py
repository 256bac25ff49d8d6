"""Pages work under a policy without unsafe-*: nothing inline, nothing that htmx would ignore."""

import re

import pytest

from tests.guards.code import ROOT, templates

_FORBIDDEN = {
    "a style attribute": r"<[^>]*\sstyle\s*=",
    "a style element": r"<style[\s>]",
    "an inline script": r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[\s>]",
    "an event attribute": r"<[^>]*\son[a-z]+\s*=\s*[\"']",
    "hx-on": r"\bhx-on\b",
    "js: values": r"[\"']js:",
    "javascript: links": r"javascript:",
    "an event filter": r"hx-trigger=[\"'][^\"']*\[",
    "something from another host": r"<(?:script|link|img)[^>]*(?:src|href)=[\"']https?://",
    "unescaped output": r"\|\s*safe\b|\{%\s*autoescape\s+off",
}


@pytest.mark.parametrize("what", _FORBIDDEN)
def test_no_template_has(what):
    pattern = re.compile(_FORBIDDEN[what])
    assert templates()
    found = [
        f"{path.relative_to(ROOT)}: {match.group(0)[:60]}"
        for path in templates()
        for match in pattern.finditer(_without_comments(path.read_text(encoding="utf-8")))
    ]
    assert not found


def _without_comments(text: str) -> str:
    return re.sub(r"\{#.*?#\}|\{%\s*comment.*?endcomment\s*%\}", "", text, flags=re.DOTALL)


def test_the_policy_has_no_unsafe_word(settings):
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert "unsafe" not in repr(directives)
