"""The private view of a table that stays where it is: the same cells, units and ranks on both databases, and the cells
that publishing a file gives."""
