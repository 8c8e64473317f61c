"""An app whose migrations are the cases of `corpus`, one at a time."""
