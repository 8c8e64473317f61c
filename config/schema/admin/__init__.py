"""The admin's pages of this app: the state of the schema, requests, its history, and what waits for a person."""

from config.schema.admin import journal, requests, state

__all__ = ["journal", "requests", "state"]
