"""Says to the HTTP door who calls: a token that lives for minutes, signed with your own key."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from contracts.callers import issue_token
from partners.kit.edge import Edge
from partners.kit.keys import Keys

_LIFE: Final = timedelta(minutes=5)
#: Renewed while it is still good, also for a clock that goes ahead of the platform's.
_FRESH: Final = timedelta(minutes=3)


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
            self._token = issue_token(
                self.keys.signing,
                organisation=self.keys.code,
                role="system",
                audience="referral",
                now=now,
                lifetime=_LIFE,
            )
            self._until = (now + _FRESH).timestamp()
        return self._token
