from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"
    verbose_name = "Back-ups"

    def ready(self) -> None:
        from backups.services import register_kinds

        register_kinds()
