from django.apps import AppConfig


class ReplicationConfig(AppConfig):
    name = "replication"
    verbose_name = "Replication"

    def ready(self) -> None:
        from inventory.integrity import register
        from replication.integrity import broken_rules
        from replication.services import register_kinds

        register_kinds()
        register(broken_rules)
