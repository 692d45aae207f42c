"""How an output file is judged, and how what leaves is written.

``judge`` walks a file through the checks in this order:

declaration what is said about it, in the outputs.yaml beside it
file_type   what its bytes are, whatever its name says
table       strict reading: every cell stays the text it was (json_table, parquet_table, picture, notebook, writing)
frequency   small cells, by recomputed evidence or by the counts in the file
kinds       what each kind of output asks for; contributors: who holds how much of a sum
together    what several files of one request tell about each other
rebuild     the bytes that leave: written by us, never the researcher's own; bits: how much they can tell

``crate`` packs a release with its proof, and verifies such a pack offline.
"""
