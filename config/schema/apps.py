from django.apps import AppConfig


class SchemaConfig(AppConfig):
    name = "config.schema"
    label = "schema"
    verbose_name = "Database schema"

    def ready(self) -> None:
        from config.schema import checks  # noqa: F401
