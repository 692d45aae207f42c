"""A few made-up rows of a conditional dataset, for anybody: how its tables look, and nothing of what is in them.

They are drawn from the published policy alone, so they cost no budget and can tell nothing that the policy does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.domain.policy import OpenClass
from sandbox.flows.browse_catalogue import BrowseCatalogue
from sandbox.privacy.base.made_up import made_up_rows

MAX_ROWS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowSample:
    """The journey's parts."""

    catalogue: BrowseCatalogue

    def rows(self, dataset: str, *, limit: int = MAX_ROWS) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Made-up rows by table, the same for everybody; none where the dataset is not a conditional one.

        Args:
            limit: of each table, up to ``MAX_ROWS``.

        Raises:
            NotFound: never published, or hidden.
        """
        policy = self.catalogue.dataset(dataset).policy
        if policy.open_class is not OpenClass.CONDITIONAL:
            return {}
        return made_up_rows(policy, min(limit, MAX_ROWS))
