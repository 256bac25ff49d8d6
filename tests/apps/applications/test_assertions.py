"""Only a fresh statement, signed by this application for this installation, speaks for somebody."""

import base64
import hashlib
import hmac
import json
import math
import time
from typing import Any

import pytest
from django.test import Client
from joserfc import jwk, jwt
from redis.exceptions import ConnectionError as RedisGone

from apps.accounts.models import User
from apps.applications import assertions, services
from apps.applications.models import Reach
from apps.core.errors import AppError
from apps.permissions.scope import system_scope
from tests.apps.applications.conftest import KINDS, Make, Program, signing_key


@pytest.fixture
def erp(make_program: Make) -> Program:
    return make_program(reach=Reach.PERSON)


def reason(program: Program, statement: str, **extra: Any) -> str:
    """Why a call with this statement was refused; "" if it was not."""
    headers = {"Authorization": f"Bearer {program.plain}", "X-On-Behalf-Of": statement}
    answer = Client().get("/api/v1/me", headers=headers, **extra)
    if answer.status_code == 200:
        return ""
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (401, "ASSERTION_REFUSED"), answer.content
    return str(error["details"]["reason"])


@pytest.mark.parametrize("algorithm", KINDS)
def test_each_kind_of_signature_is_accepted(
    algorithm: str, make_program: Make, alice: User
) -> None:
    program = make_program(algorithm=algorithm, reach=Reach.PERSON)
    me = program.get("/me", alice)
    assert me.status_code == 200
    assert me.json()["id"] == str(alice.pk)
    assert me.json()["acting"]["application"] == str(program.application.pk)


@pytest.mark.parametrize("by", ["email", "capitals", "id"])
def test_an_employee_is_named_by_address_or_id(by: str, erp: Program, alice: User) -> None:
    names = {"email": alice.email, "capitals": alice.email.upper(), "id": str(alice.pk)}
    assert reason(erp, erp.assertion(names[by])) == ""


def test_a_login_name_names_nobody_since_people_choose_theirs(
    erp: Program, alice: User, bob: User
) -> None:
    bob.login = "alice"
    bob.save()
    assert reason(erp, erp.assertion("alice")) == "subject"


def test_a_directory_may_know_them_by_another_id(
    erp: Program, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assertions, "_finders", [])
    assertions.register_finder(lambda subject: alice if subject == "E-4711" else None)
    assert reason(erp, erp.assertion("E-4711")) == ""
    assert reason(erp, erp.assertion("E-4712")) == "subject"


def test_who_is_unknown_deactivated_or_a_program_is_refused_alike(
    erp: Program, alice: User
) -> None:
    alice.is_active = False
    alice.save()
    subjects = [alice.email, "nobody@example.com", "", "  ", erp.application.account.email]
    subjects += [erp.application.account.login, str(erp.application.account_id)]
    assert {reason(erp, erp.assertion(subject)) for subject in subjects} == {"subject"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"aud": "https://elsewhere.example"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": ["https://elsewhere.example"]}, "audience"),
        ({"iss": "ERP"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"exp": None}, "expired"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"exp": "soon"}, "expired"),
        ({"exp": True}, "expired"),
        ({"exp": math.nan}, "expired"),
        ({"exp": math.inf}, "lives_too_long"),
        ({"exp": int(time.time()) + 3600}, "lives_too_long"),
        ({"nbf": int(time.time()) + 600}, "not_yet_valid"),
        ({"iat": int(time.time()) + 600}, "not_yet_valid"),
        ({"jti": None}, "jti"),
        ({"jti": "short"}, "jti"),
        ({"jti": "x" * 500}, "jti"),
        ({"jti": 12345678}, "jti"),
        ({"sub": None}, "subject"),
        ({"sub": ["alice@example.com"]}, "subject"),
        ({"padding": "x" * 9000}, "too_long"),
    ],
)
def test_a_claim_that_is_not_right_is_refused(
    changed: dict[str, Any], expected: str, erp: Program, alice: User
) -> None:
    assert reason(erp, erp.assertion(alice.email, **changed)) == expected


def test_several_audiences_are_fine_when_this_is_one(
    erp: Program, alice: User, settings: Any
) -> None:
    aud = ["https://elsewhere.example", settings.PUBLIC_URL]
    assert reason(erp, erp.assertion(alice.email, aud=aud)) == ""


def test_a_statement_is_good_once(erp: Program, make_program: Make, alice: User) -> None:
    statement = erp.assertion(alice.email)
    assert reason(erp, statement) == ""
    assert reason(erp, statement) == "replayed"
    # The same id in another statement of the same application is a replay too.
    first = erp.assertion(alice.email, jti="invoice-4711")
    assert reason(erp, first) == ""
    assert reason(erp, erp.assertion(alice.email, jti="invoice-4711")) == "replayed"
    other = make_program("Other", reach=Reach.PERSON)
    assert reason(other, other.assertion(alice.email, jti="invoice-4711")) == ""


def test_a_refused_statement_is_not_used_up(erp: Program, alice: User) -> None:
    alice.is_active = False
    alice.save()
    statement = erp.assertion(alice.email)
    assert reason(erp, statement) == "subject"
    alice.is_active = True
    alice.save()
    assert reason(erp, statement) == ""


def test_without_the_list_of_used_ones_none_is_accepted(
    erp: Program, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_args: object, **_kwargs: object) -> None:
        raise RedisGone

    statement = erp.assertion(alice.email)
    monkeypatch.setattr(assertions.cache, "add", gone)
    answer = Client().get(
        "/api/v1/me",
        headers={"Authorization": f"Bearer {erp.plain}", "X-On-Behalf-Of": statement},
    )
    assert answer.status_code == 503
    assert answer["Retry-After"]


def _unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    texts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(map(part, texts))


def _claims(program: Program, alice: User) -> dict[str, Any]:
    body = program.assertion(alice.email).split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


@pytest.mark.parametrize("name", ["none", "None", "NONE", "", "HS256"])
@pytest.mark.parametrize("has_kid", [True, False])
def test_a_statement_without_a_signature_is_refused(
    name: str,
    has_kid: bool,  # noqa: FBT001 - of a parametrised test
    erp: Program,
    alice: User,
) -> None:
    header = {"alg": name} | ({"kid": erp.signs_with.kid} if has_kid else {})
    assert reason(erp, _unsigned(header, _claims(erp, alice))) in {"signature", "not_a_jwt"}


@pytest.mark.parametrize("algorithm", KINDS)
def test_a_public_key_is_no_shared_secret(algorithm: str, make_program: Make, alice: User) -> None:
    program = make_program(algorithm=algorithm, reach=Reach.PERSON)
    pem = program.signs_with.as_pem(private=False)
    for secret in (
        pem,
        pem.strip(),
        json.dumps(program.signs_with.as_dict(private=False)).encode(),
    ):
        header = {"alg": "HS256", "kid": program.signs_with.kid}
        unsigned = _unsigned(header, _claims(program, alice)).rpartition(".")[0]
        mac = hmac.digest(secret, unsigned.encode(), "sha256")
        forged = f"{unsigned}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        assert reason(program, forged) == "signature"


def test_a_key_in_the_header_is_not_believed(erp: Program, alice: User) -> None:
    own = signing_key()
    header = {"alg": "ES256", "kid": erp.signs_with.kid, "jwk": own.as_dict(private=False)}
    forged = jwt.encode(header, _claims(erp, alice), own, algorithms=["ES256"])
    assert reason(erp, forged) == "signature"


def test_another_applications_signature_or_key_does_not_do(
    erp: Program, make_program: Make, alice: User
) -> None:
    other = make_program("Other", reach=Reach.PERSON)
    # Signed by the other, for the other, and sent with this one's key.
    assert reason(erp, other.assertion(alice.email)) == "signature"
    assert reason(erp, other.assertion(alice.email, iss=str(erp.application.pk))) == "signature"
    # Signed by this one for itself, and sent with the other's key.
    assert reason(other, erp.assertion(alice.email)) == "signature"
    # Right signature, but it says that it is the other.
    assert reason(erp, erp.assertion(alice.email, iss=str(other.application.pk))) == "issuer"


def test_a_changed_statement_is_refused(erp: Program, alice: User, bob: User) -> None:
    head, _body, signature = erp.assertion(alice.email).split(".")
    body = base64.urlsafe_b64encode(
        json.dumps(_claims(erp, alice) | {"sub": bob.email}).encode()
    ).rstrip(b"=")
    assert reason(erp, f"{head}.{body.decode()}.{signature}") == "signature"
    for nonsense in ("", "a", "a.b", "a.b.c", "a.b.c.d.e", "\u00e9.b.c", "." * 40):
        assert reason(erp, nonsense or " ") in {"not_a_jwt", "signature"}


def test_keys_are_changed_without_a_gap(erp: Program, alice: User) -> None:
    old, new = erp.signs_with, signing_key()
    with system_scope("test: a second key"):
        services.add_public_keys(
            application=erp.application, text=json.dumps({"keys": [new.as_dict(private=False)]})
        )
    for key in (old, new):
        erp.signs_with = key
        assert reason(erp, erp.assertion(alice.email)) == ""
        assert reason(erp, erp.assertion(alice.email, header={"alg": "ES256"})) == ""
    with system_scope("test: the first one goes"):
        services.remove_public_key(key=erp.application.public_keys.get(kid=old.kid))
    erp.signs_with = old
    assert reason(erp, erp.assertion(alice.email)) == "signature"


def test_a_statement_for_one_body_is_good_for_no_other(erp: Program, alice: User) -> None:
    body = json.dumps({"query": "notice period"})
    digest = hashlib.sha256(body.encode()).hexdigest()

    def sent(data: str) -> int:
        headers = erp.headers(alice, body_sha256=digest)
        answer = Client().post(
            "/api/v1/search", data, content_type="application/json", headers=headers
        )
        return int(answer.status_code)

    assert sent(body) == 200
    assert sent(json.dumps({"query": "salaries"})) == 401


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (lambda: signing_key().as_pem(private=True).decode(), "private"),
        (lambda: json.dumps(signing_key().as_dict(private=True)), "private"),
        (lambda: json.dumps({"kty": "oct", "k": "c2VjcmV0"}), "kind"),
        (
            lambda: jwk.generate_key("RSA", 1024).as_pem(private=False).decode(),
            "too_short",
        ),
        (lambda: jwk.generate_key("EC", "P-384").as_pem(private=False).decode(), "kind"),
        (lambda: json.dumps({"keys": []}), "not_a_key"),
        (lambda: "ssh-rsa AAAA", "not_a_key"),
        (lambda: "[" * 20000, "not_a_key"),
        (lambda: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "not_a_key"),
    ],
)
@pytest.mark.filterwarnings("ignore:Key size")
def test_what_is_no_public_key_for_signing_is_not_registered(
    text: Any, why: str, erp: Program
) -> None:
    with system_scope("test: no key"), pytest.raises(AppError) as refused:
        services.add_public_keys(application=erp.application, text=text())
    assert refused.value.details["reason"] == why
    assert erp.application.public_keys.count() == 1
