"""Data at rest: files that anybody of the platform can close, and the engine alone can open.

sealed    one file, encrypted in segments, its own key wrapped for the dataset's
keyring   the datasets' keys, wrapped by a master key, in a folder that the engine alone has
files     how everything else opens and makes files, closed or not; what DuckDB reads them through
closing   files that an earlier version left open are closed; a new key takes an old one's place
closed    an engine's data: files, keys, and the secret of publishing
"""
