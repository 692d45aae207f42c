"""A recorded project of questions, paid in two ways from the same budget: ``python -m benchmarks.replay``.

facts     the exact numbers behind each question, by plain DuckDB on the raw rows
reckoned  noisy numbers → the values that are shown, and how surely they are within their targets
summed    each question by itself, Laplace noise, ε adds up, nothing is remembered
ours      ``PrivateData`` with all that it remembers
table     what is printed and stands in docs/benchmarks.md
"""
