"""What rests on a release: later ones that name it, and others that left with one of its files."""

from __future__ import annotations

from sandbox.domain.release import Release
from sandbox.store import Store


def later_releases(store: Store, release: Release) -> tuple[Release, ...]:
    """All of them, by number: those that name it or share a file with it, and what names those in turn."""
    found: dict[int, Release] = {one.id: one for one in store.releases.sharing_files(release)}
    ahead = [release, *found.values()]
    while ahead:
        for later in store.releases.named_by(ahead.pop().id):
            if later.id not in found and later.id != release.id:
                found[later.id] = later
                ahead.append(later)
    return tuple(found[number] for number in sorted(found))
