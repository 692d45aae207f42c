"""The whole catalogue as one file, written once for each of its states and kept until it changes."""

from __future__ import annotations

import json
import threading

from sandbox import __version__
from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import Busy
from sandbox.portal.documents.dcat import Node, Place, catalogue_graph
from sandbox.wiring import Sandbox

PATIENCE_S = 2.0  # how long somebody who asks waits for another's writing


class CatalogueExport:
    """Keeps the last file in memory, so that asking for it again costs little."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._writing = threading.Lock()  # one writes; the others must not all stand and wait
        self._kept = ("", b"")

    def state(self) -> str:
        """Names what the file would hold now, 64 hex digits."""
        place = place_of(self._sandbox)
        return content_hash([__version__, place.site, place.address, self._sandbox.browse_catalogue.state()])

    def file(self) -> tuple[str, bytes]:
        """The file, DCAT-AP as JSON-LD, and the state that it holds.

        Raises:
            Busy: it is being written at this moment, which takes a while for a large catalogue.
        """
        if not self._writing.acquire(timeout=PATIENCE_S):
            raise Busy("The catalogue is being written at this moment.", fix="Try again in half a minute.")
        try:
            state = self.state()
            if self._kept[0] != state:
                self._kept = (state, json.dumps(whole_catalogue(self._sandbox), ensure_ascii=False).encode())
            return self._kept
        finally:
            self._writing.release()


def place_of(sandbox: Sandbox) -> Place:
    """Where this catalogue is."""
    return Place(site=sandbox.site.name, address=sandbox.settings.portal_url)


def whole_catalogue(sandbox: Sandbox) -> Node:
    """The catalogue's graph."""
    return catalogue_graph(place_of(sandbox), sandbox.browse_catalogue.everything())
