"""What a person sees of the log: auditors all of it, owners what was done with their data, everybody their own.

Listed is what is shown; an action that nobody listed is shown to auditors alone. Not listed, and why:

- ``release.voted``, ``.reviewed`` and ``.commented`` name reviewers; requesters and owners never learn who they are.
- ``question.answered``, ``.started`` and ``.failed``, and what the platform notes of a job, carry the moment to the
  microsecond: how long private rows were read. Whoever asked learns it on ticks only, so these are for owners.
- What a job hands in tells its sender when it ended, and the hashes of outputs that they have not seen (``SEALED``).
- ``dataset.rated`` would tell the owner who rated.
- ``review.planted`` names no request; who reviews anything, and reads the whole log, sees it once that one is decided.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain.people import Person, Role, check_active

OWN = frozenset(
    {
        *(f"application.{verb}" for verb in ("approved", "drafted", "edited", "rejected", "returned")),
        *(f"application.{verb}" for verb in ("submitted", "withdrawn")),
        *(f"agreement.{verb}" for verb in ("declined", "signed")),
        *(f"grant.{verb}" for verb in ("began", "closed", "expired", "left", "member_removed", "renewed")),
        "grant.revoked",
        *(f"import.{verb}" for verb in ("asked", "denied", "expired", "let_in", "refused", "removed")),
        "import.withdrawn",
        *(f"job.{verb}" for verb in ("sent", "cancelled")),
        *(f"notebook.{verb}" for verb in ("opened", "closed")),
        *(f"person.{verb}" for verb in ("added", "bound", "confirmed", "password_changed", "password_set")),
        *(
            f"person.{verb}"
            for verb in ("roles_set", "second_factor_reset", "second_factor_set", "signed_in")
        ),
        *(f"person.{verb}" for verb in ("language_set", "mail_asked", "mail_code_refused", "mail_confirmed")),
        *(
            f"person.{verb}"
            for verb in ("mail_removed", "notices_chosen", "sign_in_refused", "sign_in_unusual")
        ),
        "grant.ends_soon",
        *(f"question.{verb}" for verb in ("reserved", "reused", "derived")),
        *(
            f"release.{verb}"
            for verb in ("approved", "blocked", "downloaded", "held", "recalled", "rejected")
        ),
        *(
            f"release.{verb}"
            for verb in ("released", "resumed", "returned", "staged", "submitted", "unveiled", "withdrawn")
        ),
        *(f"result.{verb}" for verb in ("amended", "confirmed", "reported", "returned", "withdrawn")),
        "dataset.rated",
        "training.recorded",
    }
)
OF_OWNED = (
    OWN - {"dataset.rated"}
    | {f"question.{verb}" for verb in ("answered", "failed", "started")}
    | {f"job.{verb}" for verb in ("ended_early", "finished", "handed_in", "held", "queued_again", "resumed")}
    | {f"job.{verb}" for verb in ("started", "stopped")}
    | {f"dataset.{verb}" for verb in ("destroyed", "destruction_begun", "published", "resumed", "suspended")}
    | {f"data_key.{verb}" for verb in ("in_use", "retired")}
    | {f"objection.{verb}" for verb in ("corrected", "dismissed", "dismissed_as_abuse", "evidence_read")}
    | {f"objection.{verb}" for verb in ("looked_at", "received", "suspended", "unit_withheld", "upheld")}
    | {"objection.withdrawn", "policy.applied", "base.released", "base.reserved", "extract.made"}
    | {"profile.released", "profile.reserved"}
)
BLINDED = frozenset({"release.voted", "release.commented", "release.comment_voided", "release.vote_voided"})
SEALED = frozenset({"release.staged", "release.submitted", "release.blocked"})  # of a job, before its sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Whose eyes the log is read with.

    Attributes:
        everything: an auditor's, or an administrator's.
        owned: the datasets whose owner this is.
        reviews: a reviewer, who does not learn from the log who voted or wrote before a turn is decided.
    """

    person: str
    everything: bool = False
    owned: tuple[str, ...] = ()
    reviews: bool = False


def sight_of(person: Person, *, owned: tuple[str, ...]) -> Sight:
    """What this person may see.

    Raises:
        NotAllowed: the account is closed.
    """
    check_active(person)
    return Sight(
        person=person.name,
        everything=person.has(Role.AUDITOR) or person.has(Role.ADMINISTRATOR),
        owned=owned if person.has(Role.OWNER) else (),
        reviews=person.has(Role.REVIEWER),
    )
