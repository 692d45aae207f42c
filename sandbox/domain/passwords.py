"""What can be a password. Long ones are welcome; no rule asks for digits or signs (NIST SP 800-63B, 5.1.1.2)."""

from __future__ import annotations

from sandbox.domain.errors import BadInput

CHARACTERS = (8, 200)


def check_new(password: str) -> None:
    """Raise unless it can be a password.

    Raises:
        BadInput: too short, too long, or half a character; it is not repeated.
    """
    least, most = CHARACTERS
    if not least <= len(password) <= most:
        raise BadInput(
            f"A password of {len(password)} characters is refused.",
            where="password",
            fix=f"Use {least} to {most} characters.",
        )
    try:
        password.encode()
    except UnicodeEncodeError:
        raise BadInput(
            "The password holds half a character.", where="password", fix="Type it again."
        ) from None
