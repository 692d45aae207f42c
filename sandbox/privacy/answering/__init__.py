"""``Plan`` → answer: the query that an engine runs, the noise, and what is worked out from noisy numbers.

bounded       the plan as one query of exact whole numbers   rowwise    conditions and keys, row by row
run           where rows are touched                         assemble   noisy whole numbers → values with intervals
finishing     HAVING, ORDER BY, LIMIT and arithmetic, free
"""
