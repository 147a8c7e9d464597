"""Letters by SMS, through a gateway that takes them over HTTP."""

from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit

import httpx

from chassis.notify.carriers import HERE, REFUSED, UNREACHABLE, NotCarried
from chassis.notify.letters import Letter

SECONDS: Final = 20.0
#: What the gateway may take later: everything else that is not 2xx it refuses for good.
_LATER: Final = (401, 403, 404, 408, 425, 429)


@dataclass(frozen=True, slots=True)
class Sms:
    """`POST url` with `{"id", "to", "text"}`, the id as `Idempotency-Key` too, and a bearer token."""

    url: str
    token: str | None = field(default=None, repr=False)

    @classmethod
    def at(cls, url: str, *, token: str | None) -> Self:
        """Over TLS, unless the gateway is here. Raises ValueError."""
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or parts.hostname in HERE
        if parts.scheme not in ("http", "https") or not parts.hostname or not is_safe:
            raise ValueError("sms_url must be https:// and a host")
        return cls(url, token)

    async def carry(self, letter: Letter) -> None:
        """Return when the gateway answers 2xx."""
        headers = {"Idempotency-Key": str(letter.id)}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        body = {"id": str(letter.id), "to": letter.address, "text": letter.text}
        try:
            async with httpx.AsyncClient(timeout=SECONDS) as client:
                answer = await client.post(self.url, json=body, headers=headers)
        except httpx.HTTPError:
            raise NotCarried(UNREACHABLE) from None
        if not answer.is_success:
            is_later = answer.is_server_error or answer.status_code in _LATER
            raise NotCarried(UNREACHABLE if is_later else REFUSED)
