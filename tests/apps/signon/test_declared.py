"""WeCom, DingTalk and Feishu, against their documented answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from apps.permissions.scope import system_scope
from apps.signon.models import SignOnIdentity
from apps.signon.trying import tried
from tests.apps.signon.conftest import begun, person_in

WECOM = {
    "/cgi-bin/gettoken": {"errcode": 0, "errmsg": "ok", "access_token": "t", "expires_in": 7200},
    "/cgi-bin/auth/getuserinfo": {"errcode": 0, "errmsg": "ok", "userid": "zhangsan"},
    "/cgi-bin/user/get": {
        "errcode": 0,
        "errmsg": "ok",
        "userid": "zhangsan",
        "name": "张三",
        "department": [1, 7],
        "biz_mail": "zhangsan@example.com",
    },
}
DINGTALK = {
    "/v1.0/oauth2/accessToken": {"accessToken": "t", "expireIn": 7200},
    "/v1.0/oauth2/userAccessToken": {
        "accessToken": "t",
        "refreshToken": "r",
        "expireIn": 7200,
        "corpId": "ding1",
    },
    "/v1.0/contact/users/me": {"nick": "张三", "openId": "o", "unionId": "u1", "email": ""},
}
FEISHU = {
    "/open-apis/auth/v3/tenant_access_token/internal": {"code": 0, "msg": "ok"},
    "/open-apis/authen/v2/oauth/token": {
        "code": 0,
        "access_token": "t",
        "expires_in": 7200,
        "token_type": "Bearer",
    },
    "/open-apis/authen/v1/user_info": {
        "code": 0,
        "msg": "success",
        "data": {"name": "张三", "open_id": "o", "union_id": "on_1", "tenant_key": "k1"},
    },
}
KINDS = {
    "wecom": (WECOM, {"client_id": "ww1", "agent_id": "7"}, "zhangsan"),
    "dingtalk": (DINGTALK, {"client_id": "d1", "company": "ding1"}, "u1"),
    "feishu": (FEISHU, {"client_id": "cli_1", "company": "k1"}, "on_1"),
}


class Fake:
    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []


@pytest.fixture
def api() -> Iterator[Fake]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            sent = {name: each[0] for name, each in parse_qs(parts.query).items()}
            self._answer(parts.path, sent)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self._answer(urlsplit(self.path).path, json.loads(self.rfile.read(length)))

        def _answer(self, path: str, sent: dict[str, Any]) -> None:
            fake.asked.append((path, sent, dict(self.headers)))
            body = json.dumps(fake.answers.get(path, {"errcode": 404})).encode()
            self.send_response(200 if path in fake.answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = Fake(f"http://127.0.0.1:{http.server_address[1]}")
    thread = threading.Thread(target=http.serve_forever, args=[0.02], daemon=True)
    thread.start()
    yield fake
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture(params=sorted(KINDS))
def kind(request, make_provider, api) -> str:
    answers, values, _subject = KINDS[request.param]
    api.answers = json.loads(json.dumps(answers))
    bases = {"login_base": "https://login.example", "api_base": api.url, "client_secret": "s3"}
    make_provider(kind=request.param, slug="work", values={**values, **bases})
    return str(request.param)


def _come_back(browser: Client):
    state = begun(browser, "work")["state"]
    return browser.get("/sign-on/work/callback", {"code": "c0de", "state": state})


def test_somebody_of_the_company_is_signed_in(kind):
    browser = Client()
    assert _come_back(browser).status_code == 302
    assert person_in(browser) is not None
    identity = SignOnIdentity.objects.get()
    assert identity.subject == KINDS[kind][2]
    assert identity.user.name == "张三"


def test_the_code_and_the_secret_are_sent(kind, api):
    _come_back(Client())
    sent = [str(value) for _path, values, _headers in api.asked for value in values.values()]
    assert "c0de" in sent
    assert "s3" in sent


def test_an_answer_that_says_no_is_refused(kind, api):
    for path, answer in list(api.answers.items()):
        if {"errcode", "code"} & answer.keys():
            code = "errcode" if "errcode" in answer else "code"
            api.answers[path] = {**answer, code: 40029}
        else:
            api.answers[path] = {"code": "invalidParameter"}
    browser = Client()
    assert _come_back(browser).status_code == 400
    assert person_in(browser) is None


def test_somebody_of_another_company_is_refused(kind, api):
    if kind == "wecom":
        api.answers["/cgi-bin/auth/getuserinfo"] = {
            "errcode": 0,
            "openid": "o",
            "external_userid": "e",
        }
    elif kind == "dingtalk":
        api.answers["/v1.0/oauth2/userAccessToken"]["corpId"] = "ding2"
    else:
        api.answers["/open-apis/authen/v1/user_info"]["data"]["tenant_key"] = "k2"
    browser = Client()
    assert _come_back(browser).status_code == 400
    assert person_in(browser) is None


def test_a_state_of_another_browser_is_refused(kind, api):
    state = begun(Client(), "work")["state"]
    victim = Client()
    found = victim.get("/sign-on/work/callback", {"code": "c", "state": state})
    assert found.status_code == 400
    assert api.asked == []


def test_the_test_asks_whether_the_client_is_known(kind, api):
    _answers, values, _subject = KINDS[kind]
    bases = {"login_base": "https://login.example", "api_base": api.url, "client_secret": "s3"}
    with system_scope("test: try a provider"):
        assert all(
            step.is_passed for step in tried(kind=kind, slug="w", values={**values, **bases})
        )
        api.answers = {}
        assert not tried(kind=kind, slug="w", values={**values, **bases})[-1].is_passed
