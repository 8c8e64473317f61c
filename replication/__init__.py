"""Copies kept current."""
