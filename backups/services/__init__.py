"""What changes back-ups: their jobs, restores, and what is kept for how long."""


def register_kinds() -> None:
    """Make the kinds of job of this app known to what all kinds share."""
    from backups.services.jobs import Backup, Restore
    from config.jobs.kinds import register

    register(Backup())
    register(Restore())
