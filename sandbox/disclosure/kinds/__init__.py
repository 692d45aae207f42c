"""One file for each kind of output: what is looked for in it, and what is left to people.

``case`` is what every check looks at, ``registry`` says which checks are whose. A check is a small pure function from a
case to findings; a file's kind is what its declaration says and, as well, what its columns show (``recognised``).
"""
