"""How long the moves of jobs are kept."""

from config.schema.monthly import Monthly

RULES = [Monthly("jobs.JobEvent", by="at", setting="RETENTION_EVENTS_DAYS")]
