"""OpenID Connect: discovery, authorization code with PKCE, userinfo, and the three logouts."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.signon import shared
from apps.signon.asking import ask, fetched, refused, wrong_answer
from apps.signon.kinds.base import (
    Ended,
    Flow,
    Onward,
    ProviderKind,
    Statement,
    Trial,
    groups_of,
    subject_of,
    text_of,
)
from apps.signon.kinds.tokens import Keys, id_claims, logout_claims
from apps.sources.connectors.base import AddressField, SecretField, SettingsForm

KEPT_S = 3600
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_METHODS = ("client_secret_basic", "client_secret_post")


class OidcForm(SettingsForm):
    issuer = AddressField(
        label=_("Issuer address"),
        help_text=_("Below it lies .well-known/openid-configuration."),
    )
    client_id = forms.CharField(label=_("Client ID"), max_length=300)
    client_secret = SecretField(
        label=_("Client secret"), help_text=_("Empty for a public client. Left empty, it stays.")
    )
    scopes = forms.CharField(
        label=_("Scopes"), max_length=300, initial="openid profile email", required=False
    )
    groups_claim = forms.CharField(
        label=_("Claim with groups"),
        max_length=100,
        initial="groups",
        required=False,
        help_text=_("Empty: this provider says nothing of groups. A dot leads inside of a claim."),
    )
    ends_there = forms.BooleanField(
        label=_("Signing out here signs out there as well"), required=False, initial=True
    )

    def clean_scopes(self) -> str:
        wanted = str(self.cleaned_data["scopes"]).split() or ["openid", "profile", "email"]
        return " ".join(dict.fromkeys(["openid", *wanted]))


class Oidc(ProviderKind):
    kind = "oidc"
    label = _("OpenID Connect")
    about = _("Keycloak, Entra ID, Authentik, Okta, ADFS from 2016 on and most others.")
    form = OidcForm
    secrets = ("client_secret",)
    address = ("issuer", "client_id")

    @property
    def issuer(self) -> str:
        return f"oidc:{self.metadata()['issuer']}"

    # --- the provider ---------------------------------------------------------------------------
    def metadata(self) -> dict[str, Any]:
        """How the provider describes itself, kept for an hour."""
        typed = str(self.settings["issuer"])
        slot = f"sign-on:discovery:{typed}"
        found = shared.found(slot)
        if found is None:
            found = self._discovered(typed)
            shared.keep(slot, found, KEPT_S)
        return dict(found)

    def _discovered(self, typed: str) -> dict[str, Any]:
        found = fetched(f"{typed.rstrip('/')}/.well-known/openid-configuration")
        said = found.get("issuer")
        # Whoever describes itself as somebody else could have people of somebody else sign in.
        if not isinstance(said, str) or said.rstrip("/") != typed.rstrip("/"):
            raise wrong_answer("issuer")
        if any(not isinstance(found.get(name), str) for name in _NEEDED):
            raise wrong_answer("metadata")
        return found

    def keys(self) -> Keys:
        return Keys(str(self.metadata()["jwks_uri"]))

    # --- signing in -----------------------------------------------------------------------------
    def away(self, flow: Flow) -> str:
        return str(
            prepare_grant_uri(
                self.metadata()["authorization_endpoint"],
                self.settings["client_id"],
                "code",
                redirect_uri=self.provider.address("callback"),
                scope=self.settings["scopes"],
                state=flow.state,
                nonce=flow.nonce,
                code_challenge=create_s256_code_challenge(flow.verifier),
                code_challenge_method="S256",
            )
        )

    def state_of(self, request: HttpRequest) -> str:
        return request.GET.get("state", "")

    def statement(self, request: HttpRequest, flow: Flow) -> Statement:
        self._check_answer(request)
        tokens = self._tokens(request.GET.get("code", ""), flow)
        token, access = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(token, str) or not isinstance(access, str):
            raise refused("tokens")
        claims = id_claims(
            token,
            self.keys(),
            issuer=str(self.metadata()["issuer"]),
            client=str(self.settings["client_id"]),
            nonce=flow.nonce,
            access_token=access,
        )
        subject = subject_of(claims.get("sub"))
        said = {**self._userinfo(access, claims, subject), **claims}
        # Confirmed is the address of the same answer, not one that another answer has.
        mail = claims if "email" in claims else said
        return Statement(
            issuer=self.issuer,
            subject=subject,
            email=text_of(mail.get("email")),
            is_email_confirmed=mail.get("email_verified") is True
            or mail.get("email_verified") == "true",
            name=text_of(said.get("name") or said.get("preferred_username"), 150),
            groups=self._groups(said),
            sid=text_of(claims.get("sid"), 255),
            hint=token,
        )

    def _check_answer(self, request: HttpRequest) -> None:
        """Before the code is sent anywhere: that this is an answer of this very provider."""
        if "error" in request.GET:
            raise refused("the provider refused")
        said = request.GET.get("iss")
        metadata = self.metadata()
        names_itself = metadata.get("authorization_response_iss_parameter_supported") is True
        if (said or names_itself) and said != metadata["issuer"]:
            raise refused("another provider answers")
        if not request.GET.get("code"):
            raise refused("code")

    def _tokens(self, code: str, flow: Flow) -> dict[str, Any]:
        metadata = self.metadata()
        body = urlencode(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.provider.address("callback"),
                "code_verifier": flow.verifier,
            }
        )
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        secret = self.provider.secrets.get("client_secret", "")
        auth = ClientAuth(self.settings["client_id"], secret, self._auth_method(secret))
        url, headers, body = auth.prepare("POST", metadata["token_endpoint"], headers, body)
        answer = ask("POST", url, headers=headers, content=body)
        if answer.status != 200:
            raise refused(f"token endpoint: {answer.status}")
        return answer.json()

    def _auth_method(self, secret: str) -> str:
        if not secret:
            return "none"
        offered = self.metadata().get("token_endpoint_auth_methods_supported") or _METHODS
        return next((name for name in _METHODS if name in offered), _METHODS[0])

    def _userinfo(self, access: str, claims: dict[str, Any], subject: str) -> dict[str, Any]:
        """What the ID token leaves out. Only about the same person."""
        endpoint = self.metadata().get("userinfo_endpoint")
        claim = str(self.settings.get("groups_claim") or "")
        has_groups = not claim or _inside(claims, claim) is not None
        if ("email" in claims and "name" in claims and has_groups) or not endpoint:
            return {}
        found = fetched(str(endpoint), headers={"Authorization": f"Bearer {access}"})
        if found.get("sub") != subject:
            raise refused("userinfo is about somebody else")
        return found

    def _groups(self, said: dict[str, Any]) -> frozenset[str] | None:
        claim = str(self.settings.get("groups_claim") or "")
        # Entra ID leaves groups out when somebody is in too many of them for a token.
        if claim in (said.get("_claim_names") or ()) or said.get("hasgroups"):
            return None
        return groups_of(_inside(said, claim)) if claim else frozenset()

    # --- signing out ----------------------------------------------------------------------------
    def goodbye(self, hint: str) -> Onward | None:
        endpoint = self.metadata().get("end_session_endpoint")
        if not endpoint or not self.settings.get("ends_there"):
            return None
        back = settings.PUBLIC_URL + reverse("accounts:sign-in")
        values = {"client_id": self.settings["client_id"], "post_logout_redirect_uri": back}
        joint = "&" if "?" in str(endpoint) else "?"
        query = urlencode({**values, "id_token_hint": hint} if hint else values)
        return Onward(f"{endpoint}{joint}{query}")

    def ended(self, request: HttpRequest) -> Ended:
        """Back-channel: a signed token. Front-channel: our own issuer and an unguessable sid."""
        if request.method == "POST":
            claims = logout_claims(
                request.POST.get("logout_token", ""),
                self.keys(),
                issuer=str(self.metadata()["issuer"]),
                client=str(self.settings["client_id"]),
            )
            return Ended(text_of(claims.get("sid"), 255), text_of(claims.get("sub"), 255))
        sid = request.GET.get("sid", "")
        if not sid or request.GET.get("iss") != self.metadata()["issuer"]:
            raise refused("sid and iss")
        return Ended(sid=sid)

    # --- for its administrator ------------------------------------------------------------------
    def copied(self) -> list[tuple[Any, str]]:
        return [
            *super().copied(),
            (_("Back-channel logout address"), self.provider.address("ended")),
            (_("Front-channel logout address"), self.provider.address("ended")),
            (_("Address after signing out"), settings.PUBLIC_URL + reverse("accounts:sign-in")),
        ]

    def trials(self) -> Iterable[Trial]:
        return [
            (_("It describes itself"), self._try_discovery),
            (_("Its keys can be read"), self._try_keys),
            (_("It does what is needed"), self._try_abilities),
            (_("It knows this client"), self._try_client),
        ]

    def _try_discovery(self) -> str:
        shared.forget(f"sign-on:discovery:{self.settings['issuer']}")
        return str(self.metadata()["issuer"])

    def _try_keys(self) -> str:
        keys = self.keys().fetched()
        return ", ".join(sorted({str(key.kid) for key in keys})[:5])

    def _try_abilities(self) -> str:
        metadata = self.metadata()
        if "code" not in metadata.get("response_types_supported", ["code"]):
            raise wrong_answer("code")
        challenges = metadata.get("code_challenge_methods_supported")
        able = [
            _t("PKCE") if challenges is None or "S256" in challenges else "",
            _t("signing out") if metadata.get("end_session_endpoint") else "",
            _t("back-channel logout") if metadata.get("backchannel_logout_supported") else "",
        ]
        return ", ".join(filter(None, able))

    def _try_client(self) -> str:
        """A code that nobody gave out: a known client is told that, an unknown one is sent away."""
        metadata = self.metadata()
        secret = self.provider.secrets.get("client_secret", "")
        body = urlencode(
            {
                "grant_type": "authorization_code",
                "code": "a-test-of-the-settings",
                "redirect_uri": self.provider.address("callback"),
                "code_verifier": "a-test-of-the-settings" * 3,
            }
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        auth = ClientAuth(self.settings["client_id"], secret, self._auth_method(secret))
        url, headers, body = auth.prepare("POST", metadata["token_endpoint"], headers, body)
        answer = ask("POST", url, headers=headers, content=body)
        said = answer.json().get("error", "") if answer.status in {400, 401, 403} else ""
        if said != "invalid_grant":
            raise wrong_answer(f"client: {said or answer.status}")
        return str(self.settings["client_id"])


def _inside(said: dict[str, Any], claim: str) -> object:
    """The claim of this name, or the value that a dotted path leads to: ``realm_access.roles``."""
    if claim in said:
        return said[claim]
    inner: Any = said
    for part in claim.split("."):
        inner = inner.get(part) if isinstance(inner, dict) else None
    return inner
