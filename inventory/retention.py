"""How long measurements are kept."""

from config.schema.monthly import Monthly

RULES = [
    Monthly("inventory.HostMetric", by="at", setting="RETENTION_METRICS_DAYS"),
    Monthly("inventory.VMMetric", by="at", setting="RETENTION_METRICS_DAYS"),
]
