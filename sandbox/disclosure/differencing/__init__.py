"""What releases say together that none of them says alone.

asked      whom the cells of a question count; labels: whom those of a table without one seem to count
rounding   how numbers were rounded, and what can be concluded from one
reading    the cells of a file as they are remembered, and the sums of them
members    numbers that can be set against one another
pairs      one number without one or two others, over all that was ever kept
atoms, system, solve    any combination of the nearest numbers, by linear programming
check      the front door;  words: what it found, as findings
covered    exact numbers beside private answers
"""
