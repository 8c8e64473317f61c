"""A migration that makes an account with a password, as an installation may do."""
