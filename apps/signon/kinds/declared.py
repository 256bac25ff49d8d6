"""Providers that are nearly OpenID Connect: which addresses they are asked at, under which names
they answer. One table each; what they have in common is done once.

Each of them is asked over TLS with our own secret, so that what it answers needs no signature.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.signon.asking import ask, refused
from apps.signon.kinds.base import Flow, ProviderKind, Statement, Trial, subject_of, text_of
from apps.signon.kinds.base import groups_of as groups_in
from apps.sources.connectors.base import AddressField, SecretField, SettingsForm


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. Values are templates over what is known by then; ``keeps`` names what is taken
    from the answer, ``ok`` what the answer has to say to be one."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    ok: tuple[str, object] | None = None
    keeps: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """All that differs between these providers."""

    away: str
    params: Mapping[str, str]
    asks: tuple[Ask, ...]
    probe: Ask
    # Only people of this company: what was kept under the first has to equal the setting.
    company: tuple[str, str] | None = None


WECOM = Table(
    away="/wwlogin/sso/login",
    params={
        "login_type": "CorpApp",
        "appid": "{client_id}",
        "agentid": "{agent_id}",
        "redirect_uri": "{callback}",
        "state": "{state}",
    },
    asks=(
        Ask(
            "GET",
            "/cgi-bin/gettoken",
            query={"corpid": "{client_id}", "corpsecret": "{client_secret}"},
            ok=("errcode", 0),
            keeps={"token": "access_token"},
        ),
        # Somebody from outside of the company has an openid, and no userid.
        Ask(
            "GET",
            "/cgi-bin/auth/getuserinfo",
            query={"access_token": "{token}", "code": "{code}"},
            ok=("errcode", 0),
            keeps={"subject": "userid"},
        ),
        Ask(
            "GET",
            "/cgi-bin/user/get",
            query={"access_token": "{token}", "userid": "{subject}"},
            ok=("errcode", 0),
            keeps={"name": "name", "email": "biz_mail", "groups": "department"},
        ),
    ),
    probe=Ask(
        "GET",
        "/cgi-bin/gettoken",
        query={"corpid": "{client_id}", "corpsecret": "{client_secret}"},
        ok=("errcode", 0),
    ),
)

DINGTALK = Table(
    away="/oauth2/auth",
    params={
        "response_type": "code",
        "client_id": "{client_id}",
        "redirect_uri": "{callback}",
        "scope": "openid corpid",
        "state": "{state}",
        "prompt": "consent",
    },
    asks=(
        Ask(
            "POST",
            "/v1.0/oauth2/userAccessToken",
            body={
                "clientId": "{client_id}",
                "clientSecret": "{client_secret}",
                "code": "{code}",
                "grantType": "authorization_code",
            },
            keeps={"token": "accessToken", "company": "corpId"},
        ),
        Ask(
            "GET",
            "/v1.0/contact/users/me",
            headers={"x-acs-dingtalk-access-token": "{token}"},
            keeps={"subject": "unionId", "name": "nick", "email": "email"},
        ),
    ),
    probe=Ask(
        "POST",
        "/v1.0/oauth2/accessToken",
        body={"appKey": "{client_id}", "appSecret": "{client_secret}"},
        keeps={"token": "accessToken"},
    ),
    company=("company", "company"),
)

FEISHU = Table(
    away="/open-apis/authen/v1/authorize",
    params={
        "response_type": "code",
        "client_id": "{client_id}",
        "redirect_uri": "{callback}",
        "state": "{state}",
        "code_challenge": "{challenge}",
        "code_challenge_method": "S256",
    },
    asks=(
        Ask(
            "POST",
            "/open-apis/authen/v2/oauth/token",
            body={
                "grant_type": "authorization_code",
                "client_id": "{client_id}",
                "client_secret": "{client_secret}",
                "code": "{code}",
                "redirect_uri": "{callback}",
                "code_verifier": "{verifier}",
            },
            ok=("code", 0),
            keeps={"token": "access_token"},
        ),
        Ask(
            "GET",
            "/open-apis/authen/v1/user_info",
            headers={"Authorization": "Bearer {token}"},
            ok=("code", 0),
            keeps={
                "subject": "data.union_id",
                "name": "data.name",
                "email": "data.enterprise_email",
                "company": "data.tenant_key",
            },
        ),
    ),
    probe=Ask(
        "POST",
        "/open-apis/auth/v3/tenant_access_token/internal",
        body={"app_id": "{client_id}", "app_secret": "{client_secret}"},
        ok=("code", 0),
    ),
    company=("company", "company"),
)


class DeclaredForm(SettingsForm):
    client_id = forms.CharField(label=_("Client ID"), max_length=300)
    client_secret = SecretField(label=_("Client secret"), help_text=_("Left empty, it stays."))
    login_base = AddressField(label=_("Address for people"))
    api_base = AddressField(label=_("Address for programs"))


class WeComForm(DeclaredForm):
    client_id = forms.CharField(label=_("Corp ID"), max_length=100)
    agent_id = forms.CharField(label=_("Agent ID"), max_length=40)
    login_base = AddressField(
        label=_("Address for people"), initial="https://login.work.weixin.qq.com"
    )
    api_base = AddressField(label=_("Address for programs"), initial="https://qyapi.weixin.qq.com")


class DingTalkForm(DeclaredForm):
    company = forms.CharField(
        label=_("Corp ID"),
        max_length=100,
        help_text=_("Without it everybody who has an account there could come in."),
    )
    login_base = AddressField(label=_("Address for people"), initial="https://login.dingtalk.com")
    api_base = AddressField(label=_("Address for programs"), initial="https://api.dingtalk.com")


class FeishuForm(DeclaredForm):
    company = forms.CharField(
        label=_("Tenant key"),
        max_length=100,
        help_text=_("Without it everybody who has an account there could come in."),
    )
    login_base = AddressField(label=_("Address for people"), initial="https://accounts.feishu.cn")
    api_base = AddressField(label=_("Address for programs"), initial="https://open.feishu.cn")


class Declared(ProviderKind):
    """What these providers have in common."""

    table: ClassVar[Table]
    secrets = ("client_secret",)
    address = ("api_base", "client_id")

    @property
    def issuer(self) -> str:
        company = self.settings.get("company") or self.settings["client_id"]
        return f"{self.kind}:{company}"

    def _known(self) -> dict[str, str]:
        return {
            **{name: str(value) for name, value in self.settings.items()},
            "client_secret": self.provider.secrets.get("client_secret", ""),
            "callback": self.provider.address("callback"),
        }

    def away(self, flow: Flow) -> str:
        challenge = create_s256_code_challenge(flow.verifier)
        known = {**self._known(), "state": flow.state, "challenge": challenge}
        params = urlencode(_filled(self.table.params, known))
        return f"{str(self.settings['login_base']).rstrip('/')}{self.table.away}?{params}"

    def state_of(self, request: HttpRequest) -> str:
        return request.GET.get("state", "")

    def statement(self, request: HttpRequest, flow: Flow) -> Statement:
        # DingTalk calls it otherwise in its own window.
        code = request.GET.get("code") or request.GET.get("authCode") or ""
        if not code:
            raise refused("code")
        found: dict[str, Any] = {**self._known(), "code": code, "verifier": flow.verifier}
        for each in self.table.asks:
            found |= self._asked(each, found)
        if self.table.company and not self._is_ours(found):
            raise refused("another company")
        return Statement(
            issuer=self.issuer,
            subject=subject_of(found.get("subject")),
            email=text_of(found.get("email")),
            name=text_of(found.get("name"), 150),
            groups=groups_in(found.get("groups")),
        )

    def _is_ours(self, found: Mapping[str, Any]) -> bool:
        said, setting = self.table.company or ("", "")
        return bool(found.get(said)) and found[said] == self.settings.get(setting)

    def _asked(self, each: Ask, known: Mapping[str, Any]) -> dict[str, Any]:
        """What one request tells."""
        url = f"{str(self.settings['api_base']).rstrip('/')}{each.path}"
        if each.query:
            url += f"?{urlencode(_filled(each.query, known))}"
        headers = {"Accept": "application/json", **_filled(each.headers, known)}
        if each.body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        content = json.dumps(_filled(each.body, known)) if each.body else ""
        answer = ask(each.method, url, headers=headers, content=content)
        said = answer.json()
        if answer.status != 200 or (each.ok and _inside(said, each.ok[0]) != each.ok[1]):
            raise refused(f"{each.path}: {answer.status}")
        taken = {name: _inside(said, path) for name, path in each.keeps.items()}
        if any(name in {"token", "subject"} and not value for name, value in taken.items()):
            raise refused(f"{each.path}: nobody")
        return taken

    def trials(self) -> Iterable[Trial]:
        return [(_("It knows this client"), self._try_client)]

    def _try_client(self) -> str:
        self._asked(self.table.probe, self._known())
        return str(self.settings["client_id"])


class WeCom(Declared):
    kind = "wecom"
    label = _("WeCom")
    about = _("People of one company; departments count as groups, by their numbers.")
    form = WeComForm
    table = WECOM


class DingTalk(Declared):
    kind = "dingtalk"
    label = _("DingTalk")
    about = _("People of one company, by the code that they scan or their password there.")
    form = DingTalkForm
    table = DINGTALK


class Feishu(Declared):
    kind = "feishu"
    label = _("Feishu")
    about = _("People of one company; Lark with its own two addresses.")
    form = FeishuForm
    table = FEISHU


def _filled(templates: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, str]:
    return {name: text.format_map(known) for name, text in templates.items()}


def _inside(said: Mapping[str, Any], path: str) -> Any:
    inner: Any = said
    for part in path.split("."):
        inner = inner.get(part) if isinstance(inner, dict) else None
    return inner
