"""How useful a dataset was: a person who used it gives stars and a sentence, and may change them."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain import demands
from sandbox.domain import ratings as rules
from sandbox.domain.audit import Event
from sandbox.domain.errors import NotFound
from sandbox.domain.people import Person
from sandbox.domain.ratings import Rating, Usefulness
from sandbox.flows.listed import Listed
from sandbox.flows.published import published
from sandbox.store import Store
from sandbox.store.catalogue import ListedDataset


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingView:
    """A dataset's ratings for the one who asks."""

    usefulness: Usefulness
    mine: Rating | None
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateDataset:
    """The journey's parts."""

    store: Store
    listed: Listed

    def rate(self, person: Person, dataset: str, *, stars: int, sentence: str = "") -> Rating:
        """Give a rating, or change it.

        Raises:
            NotAllowed: the person never had a grant on it, or owns it.
        """
        policy = published(self.store, dataset).policy
        had_grant = self._had_grant(person, dataset)
        rules.check_rating(dataset, policy.open_class, person, owner=policy.owner, had_grant=had_grant)
        given, said = rules.rating(stars, sentence)
        event = Event(person.name, "dataset.rated", f"dataset:{dataset}")
        return self.store.ratings.rate(dataset, person=person.name, stars=given, sentence=said, event=event)

    def hide(self, person: Person, dataset: str, *, sentence: str, reason: str) -> int:
        """Hide a sentence wherever it was written about a dataset; the stars count on.

        Args:
            sentence: as it is shown: administrators do not learn who wrote it.

        Returns:
            How many ratings said so.
        """
        demands.check_hiding(person)
        why = demands.hiding_reason(reason)
        event = Event(person.name, "rating.hidden", f"dataset:{dataset}", {"reason": why})
        with self.store.transaction():
            found = [
                r for r in self.store.ratings.of_dataset(dataset) if r.sentence == sentence and not r.hidden
            ]
            if not found:
                raise NotFound("Nobody wrote that about this dataset.", fix="Give the whole sentence.")
            for rating in found:
                self.store.ratings.hide(dataset, person=rating.person, reason=why, event=event)
        return len(found)

    def view(self, person: Person | None, dataset: str) -> RatingView:
        """What everybody sees, and what the one who asks may do."""
        public = self.listed.get(dataset)
        mine = self.store.ratings.of_person(dataset, person.name) if person is not None else None
        return RatingView(
            usefulness=rules.usefulness(self.store.ratings.of_dataset(dataset)),
            mine=mine,
            allowed_actions=("rate",) if person is not None and self._may(person, public) else (),
        )

    def _may(self, person: Person, public: ListedDataset) -> bool:
        had_grant = self._had_grant(person, public.name)
        return rules.may_rate(public.name, public.open_class, person, owner=public.owner, had_grant=had_grant)

    def _had_grant(self, person: Person, dataset: str) -> bool:
        return any(g.dataset == dataset for g in self.store.grants.of_person(person.name))
