"""HOW WORD LEAVES: the only room that speaks to e-mail servers and webhooks. Both addresses are the operator's.

mail      SMTP: STARTTLS or TLS, a login, one message at a time
webhook   a signed POST over HTTPS

>>> Mail(server, sender="sandbox@host.example", password=lambda: "…")(letter)      # doctest: +SKIP
"""

from __future__ import annotations

from sandbox.post.mail import Mail, Server, read_server
from sandbox.post.webhook import Webhook

__all__ = ["Mail", "Server", "Webhook", "read_server"]
