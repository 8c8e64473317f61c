from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "config.jobs"
    label = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        from config.jobs.integrity import broken_rules
        from inventory.integrity import register

        register(broken_rules)
