"""One file a migration, in order. A migration that was shipped is never edited."""
