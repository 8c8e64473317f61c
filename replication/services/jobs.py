"""Replication jobs: what they do at the moves that all kinds of job make."""

from config.jobs.kinds import Kind
from replication.models import ReplicationJob, ReplicationStatus


class Replication(Kind):
    model = ReplicationJob
    begins_with = ReplicationStatus.RUNNING.value
