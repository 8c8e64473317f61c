"""`manage.py remove_second_factor`: let a person who has lost the second factor set up another."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.access.second_factor import remove_second_factor


class Command(BaseCommand):
    help = "Remove the second factor and the recovery codes of a person. Example: manage.py remove_second_factor admin"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["username"]
        user = get_user_model()._default_manager.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no person {name}: the list of users in the admin names them all.")
        if remove_second_factor(user):
            self.stdout.write(f"Removed. {name} is asked to set up another where one is required.")
        else:
            self.stdout.write(f"{name} had no second factor, so nothing was removed.")
