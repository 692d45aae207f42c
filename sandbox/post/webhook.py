"""A webhook: a signed JSON body, posted to the one address that the operator gave, and to no other it may point to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from sandbox.domain.canonical import canonical_json
from sandbox.domain.letters import Undelivered, signature

TIMEOUT_S = 10.0
SIGNATURE = "X-Sandbox-Signature"
KEY = "Idempotency-Key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Posts bodies.

    Args:
        secret: signs them; the receiver has it too.
        timeout_s: how long each part of the answer is waited for.
    """

    address: str
    secret: bytes
    now: Callable[[], datetime]
    timeout_s: float = TIMEOUT_S

    def __call__(self, body: Mapping[str, Any]) -> None:
        """Post one.

        Raises:
            Undelivered: the receiver did not answer with a 2xx.
        """
        content = canonical_json(dict(body))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "sandbox-notices",
            KEY: str(body["id"]),
            SIGNATURE: signature(content, at=int(self.now().timestamp()), secret=self.secret),
        }
        try:
            with (
                httpx.Client(timeout=self.timeout_s, follow_redirects=False, trust_env=False) as client,
                client.stream("POST", self.address, content=content, headers=headers) as answer,
            ):
                status = answer.status_code  # what it says is not read
        except httpx.HTTPError as failure:
            raise Undelivered(
                f"The webhook cannot be reached ({type(failure).__name__}).", down=True
            ) from None
        if not 200 <= status < 300:
            raise Undelivered(f"The webhook answered {status}.", down=status in (429, 502, 503, 504))
