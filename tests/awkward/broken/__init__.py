"""Migrations of which BROKEN says what is wrong with their files."""
