"""How an output file is judged, and how what leaves is written.

``judge`` walks a file through the checks in this order:

file_type   what its bytes are, whatever its name says
table       strict reading: every cell stays the text it was; cells that are dangerous in themselves
frequency   small cells, by recomputed evidence or by the counts in the file
rebuild     the bytes that leave: written by us, never the researcher's own

``crate`` packs a release with its proof, and verifies such a pack offline.
"""
