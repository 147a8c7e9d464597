"""Says to the HTTP door who calls: a token that lives for minutes, signed with your own key."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from contracts.keyring import encode_base64url
from partners.kit.edge import Edge
from partners.kit.keys import Keys

_LIFE: Final = timedelta(minutes=5)
#: Renewed while it is still good, also for a clock that goes ahead of the platform's.
_FRESH: Final = timedelta(minutes=3)
_HEADER: Final = {"alg": "Ed25519", "typ": "siraba-caller+jwt"}


@dataclass(slots=True)
class Tokens:
    """JSON Web Tokens (RFC 7519) of role `system`: `iss` your code, `aud` the service that listens."""

    keys: Keys
    edge: Edge
    _token: str = field(default="", repr=False)
    _until: float = 0.0

    def current(self) -> str:
        """One that is good for at least two minutes more."""
        now = self.edge.now()
        if now.timestamp() >= self._until:
            self._token = self._made(int(now.timestamp()))
            self._until = (now + _FRESH).timestamp()
        return self._token

    def _made(self, start: int) -> str:
        claims = {
            "iss": self.keys.code,
            "aud": "referral",
            "role": "system",
            "iat": start,
            "nbf": start,
            "exp": start + int(_LIFE.total_seconds()),
        }
        signed = ".".join(encode_base64url(json.dumps(part).encode()) for part in (_HEADER, claims))
        signature = self.keys.signing.sign(signed.encode())
        return f"{signed}.{encode_base64url(signature)}"
