"""Raw table → private view: once, by the owner, before anybody asks.

publish       cells typed, units numbered, rows ranked   cells, csv_file   how a raw cell is read
views         private views on disk, by snapshot         profiling     a contribution profile, counted and drawn
profiles      profiles on disk, each drawn once
"""
