"""How long what the worker found is kept; runs, steps and statements are history, and stay."""

from config.schema.monthly import Monthly

RULES = [Monthly("schema.Probe", by="last_at", setting="RETENTION_PROBES_DAYS")]
