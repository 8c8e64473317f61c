"""What changes failover: its jobs, their moves, and what follows them."""


def register_kinds() -> None:
    """Make the kinds of job of this app known to what all kinds share."""
    from config.jobs.kinds import register
    from failover.services.jobs import Failover

    register(Failover())
