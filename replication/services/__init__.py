"""What changes replication: its jobs and their moves."""


def register_kinds() -> None:
    """Make the kinds of job of this app known to what all kinds share."""
    from config.jobs.kinds import register
    from replication.services.jobs import Replication

    register(Replication())
