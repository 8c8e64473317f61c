"""Backs a database up with its engine's own tools, and restores what it has verified first."""
