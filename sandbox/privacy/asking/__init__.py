"""SQL text → ``Question``: our own grammar, by an allow-list over a parse tree. No text of an asker leaves this room.

words     caps before and around the parser            parse      one SELECT → ``Question``
sources   FROM and WITH → the table that is meant       names      what the question calls a column
aggregates, keys, conditions: SELECT, GROUP BY, WHERE   finishes   HAVING, ORDER BY, LIMIT, arithmetic
joins, per_unit: FROM with several parts                filtered, straight, histogram: what aggregates may hold
options   what the text says about its own price        sql_reference  the manual, made from all of it
"""
