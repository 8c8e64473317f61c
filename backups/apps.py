from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"
    verbose_name = "Back-ups"

    def ready(self) -> None:
        from backups.integrity import broken_rules
        from backups.services import register_kinds
        from inventory.integrity import register

        register_kinds()
        register(broken_rules)
