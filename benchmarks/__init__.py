"""Time, memory and error of private answers, beside plain DuckDB and other libraries: ``python -m benchmarks``.

table     the made-up table
workload  the questions, as asked here and of plain DuckDB
ours      this project, in a process of its own
peers/    other libraries, each in an environment of its own
report    docs/benchmarks.md and its picture
"""
