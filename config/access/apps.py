from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "config.access"
    label = "access"

    def ready(self) -> None:
        from config.access.audit import follow_what_people_change

        follow_what_people_change()
