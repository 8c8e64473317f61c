from django.apps import AppConfig


class FailoverConfig(AppConfig):
    name = "failover"
    verbose_name = "Failover"

    def ready(self) -> None:
        from failover.integrity import broken_rules
        from failover.services import register_kinds
        from inventory.integrity import register

        register_kinds()
        register(broken_rules)
