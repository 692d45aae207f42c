"""What is allowed. Rules and values: they take values and return values or raise; no I/O, clock or randomness."""
