"""Raw table → private view: once, by the owner, before anybody asks.

publish       cells typed, units numbered, rows ranked   cells, csv_file   how a raw cell is read
in_place      the same for tables that stay in a database   portable_cells   in any engine's words
views         private views on disk, by snapshot         profiling     a contribution profile, counted and drawn
profiles      profiles on disk, each drawn once             fingerprint   of rows that a database holds
"""
