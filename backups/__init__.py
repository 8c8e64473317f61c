"""Copies kept for later."""
