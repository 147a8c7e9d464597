"""Letters by SMTP, over TLS wherever the server is another machine."""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from chassis.notify.carriers import HERE, REFUSED, UNREACHABLE, NotCarried
from chassis.notify.letters import Letter

SECONDS: Final = 20.0
_FOR_GOOD: Final = range(500, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """host, port: of the server. implicit_tls: from the first byte, else STARTTLS unless it is here."""

    host: str
    port: int
    sender: str
    implicit_tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def at(cls, url: str, *, sender: str) -> Self:
        """By an address `smtp[s]://[user:password@]host[:port]`. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("smtp_url must be smtp:// or smtps:// and a host")
        is_tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if is_tls else 587),
            sender=sender,
            implicit_tls=is_tls,
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )

    async def carry(self, letter: Letter) -> None:
        """Return when the server has taken it over; the same id is the same `Message-ID`."""
        try:
            await asyncio.to_thread(self._send, letter)
        except smtplib.SMTPRecipientsRefused as refused:
            codes = [code for code, _ in refused.recipients.values()]
            raise _failed(min(codes, default=0)) from None
        except smtplib.SMTPResponseException as answered:
            raise _failed(answered.smtp_code) from None
        except (smtplib.SMTPException, OSError):
            raise NotCarried(UNREACHABLE) from None

    def _send(self, letter: Letter) -> None:
        with self._connected() as server:
            if not self.implicit_tls and self.host not in HERE:
                server.starttls(context=ssl.create_default_context())
            if self.user is not None:
                server.login(self.user, self.password or "")
            server.send_message(self._written(letter))

    def _connected(self) -> smtplib.SMTP:
        if self.implicit_tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=SECONDS, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=SECONDS)

    def _written(self, letter: Letter) -> EmailMessage:
        mail = EmailMessage()
        mail["Message-ID"] = f"<{letter.id}@siraba>"
        mail["From"], mail["To"] = self.sender, letter.address
        mail["Subject"] = letter.text
        mail["Content-Language"] = letter.language
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{letter.text}\n")
        return mail


def _failed(code: int) -> NotCarried:
    return NotCarried(REFUSED if code in _FOR_GOOD else UNREACHABLE)
