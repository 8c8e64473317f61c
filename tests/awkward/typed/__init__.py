"""SQL with a mistake in it that somebody mends."""
