"""Where a VM's networks lead at the target."""

from django.db import models

from config.schema.constraints import filled, known
from config.schema.fields import CodeField
from inventory.models import VMContext
from inventory.models.base import Stamped, Versioned
from replication.models import TargetNetwork


class Purpose(models.TextChoices):
    LIVE = "live"
    TEST = "test"


class NetworkMapping(Stamped, Versioned):
    """One source network of one VM, for one purpose, to a target network."""

    vm_context = models.ForeignKey(
        VMContext, on_delete=models.PROTECT, related_name="network_mappings", verbose_name="VM context"
    )
    source_network_name = CodeField(max_length=255)
    purpose = CodeField(max_length=64, choices=Purpose)
    target_network = models.ForeignKey(TargetNetwork, on_delete=models.PROTECT, related_name="mappings")

    class Meta:
        db_table = "network_mappings"
        ordering = ["vm_context", "source_network_name", "purpose"]
        constraints = [
            models.UniqueConstraint(
                fields=["vm_context", "source_network_name", "purpose"], name="network_mappings_one_per_purpose"
            ),
            known("network_mappings", "purpose", Purpose),
            filled("network_mappings", "source_network_name"),
        ]

    def __str__(self) -> str:
        return f"{self.source_network_name} ({self.purpose})"
