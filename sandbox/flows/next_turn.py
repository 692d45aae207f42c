"""The next turn of a request, from a form: what stays comes from the platform's own copies, only the rest is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sandbox.domain.errors import BadInput, Conflict, NotFound
from sandbox.domain.outputs import DECLARATIONS
from sandbox.domain.people import Person
from sandbox.domain.release import Release, Verb, transition
from sandbox.flows.review_release import ReviewRelease, Submitted
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTurn:
    """The journey's parts."""

    store: Store
    review: ReviewRelease

    def check(self, person: Person, release_id: int) -> Release:
        """The request, when this person may hand in its next turn.

        Raises:
            NotFound: it is not this person's.
            Conflict: it is in no state for it, or a job made its files.
        """
        release = self.store.releases.get(release_id)
        if release is None or release.requester != person.name:
            raise NotFound(f"You have no request {release_id}.")
        transition(release.status, Verb.RESUBMIT)
        if self.store.jobs.of_release(release.id) is not None:
            raise Conflict(
                "A job made these files beside the raw rows; no others can take their place.",
                fix="Change the code and send the job again.",
            )
        return release

    def hand_in(
        self,
        person: Person,
        release_id: int,
        *,
        version: int,
        sent: Sequence[tuple[str, bytes]],
        left_out: Collection[str],
        context: str,
        sql: Mapping[str, str],
    ) -> Submitted:
        """Put the turn together and hand it in.

        Args:
            version: of the request as the form showed it.
            sent: (name, content): it takes the place of the file of that name, or comes beside them.
            left_out: files of the turn before that do not come again.
            sql: by file, the question that made it. What declares the files says it for those that are not named here.
        """
        release = self.check(person, release_id)
        names = [name for name, _ in sent]
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice:
            raise BadInput(
                f"Two files are called {twice!r}.", where="files", fix="Give each file a name of its own."
            )
        stays = [
            (f.name, self.store.vault.get(f.sha256))
            for f in release.files
            if f.name not in left_out and f.name not in names
        ]
        if not [name for name, _ in [*stays, *sent] if name != DECLARATIONS]:
            raise BadInput(
                "No file is left.", where="files", fix="Keep one, send one, or take the request back."
            )
        together = dict([*stays, *sent])
        order = [f.name for f in release.files if f.name in together]
        order += [name for name in names if name not in order]
        return self.review.resubmit(
            person,
            release_id,
            version=version,
            files=[(name, together[name]) for name in order],
            context=context,
            sql={name: text.strip() for name, text in sql.items() if text.strip() and name in together},
        )
