from config.schema.monthly import Monthly

RULES = [Monthly("parted.Reading", by="at", setting="RETENTION_READINGS_DAYS")]
