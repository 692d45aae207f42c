"""``Plan`` → answer: the query that an engine runs, the noise, and what is worked out from noisy numbers.

bounded       the plan as one query of exact whole numbers   rowwise    conditions and keys, row by row
run           where rows are touched                         assemble   noisy whole numbers → values with intervals
relations     what stands behind FROM, as rows of units      contributions   what publishing added up already
measured, reuse, deriving: what stored answers already say    finishing   HAVING, ORDER BY, LIMIT, arithmetic, free
"""
