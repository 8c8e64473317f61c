"""Migrations that take long enough to be killed at any moment: many rows, many statements, and rows that count."""
