"""Statements for whom an application asks: a new one for each call, since each is good once."""

import time
import uuid
from typing import Any

# Short enough to be of no use to who finds it, long enough for a slow clock.
LIFE_S = 60


class Signer:
    """Signs for one application. ``private_key`` is PEM; ``audience`` the address of the
    installation. Wants the extra ``footnote-client[signing]``."""

    def __init__(
        self,
        *,
        application: str,
        audience: str,
        private_key: str,
        algorithm: str = "ES256",
        kid: str = "",
    ) -> None:
        from joserfc.jwk import import_key  # noqa: PLC0415 - the extra is asked for only here

        self.application, self.audience = application, audience.rstrip("/")
        self.algorithm, self.kid = algorithm, kid
        match algorithm:
            case "ES256":
                self._key: Any = import_key(private_key, "EC")
            case "RS256":
                self._key = import_key(private_key, "RSA")
            case _:
                self._key = import_key(private_key, "OKP")

    def statement(self, employee: str) -> str:
        """That the next call is for this employee: e-mail address or id."""
        from joserfc import jwt  # noqa: PLC0415 - as above

        header = {"alg": self.algorithm, **({"kid": self.kid} if self.kid else {})}
        claims = {
            "iss": self.application,
            "aud": self.audience,
            "sub": employee,
            "exp": int(time.time()) + LIFE_S,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(header, claims, self._key, algorithms=[self.algorithm])
