"""The demonstration estate that `manage.py seed` makes and removes again."""
