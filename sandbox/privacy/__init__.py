"""How a question becomes a private answer. In the order a question walks:

parse        SQL text → ``Question``, by an allow-list over a parse tree
plan         ``Question`` → ``Plan``: bounds, noise, price; no row is read for it
sensitivity  how far one unit can move a measurement, with the proof of each formula
noise        OpenDP: the price of a noise, and its draw
bounded      ``Plan`` → the query that is sent to the engine: exact, bounded, whole numbers
assemble     noisy whole numbers → values with intervals
publish      raw table → private view, once, by the owner
engine       all of it on one machine; ``service`` and ``remote`` put a process boundary through it

Only this room imports sqlglot, ibis, duckdb and opendp.
"""
