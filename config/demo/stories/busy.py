"""The states in which a job is active that the named VMs leave over: one VM can hold one active job only."""

from collections.abc import Callable

from config.demo.chance import chance
from config.demo.stories.backups import back_up
from config.demo.stories.failovers import WAY, fail_over, up_to
from config.demo.stories.part import Part
from config.demo.stories.replication import keep_current
from failover.models import Purpose


def waiting_backup(part: Part) -> None:
    back_up(part, chance.ago(minutes=7), "pending")


def _on_the_way(kind: Purpose, status: str) -> Callable[[Part], None]:
    def story(part: Part) -> None:
        fail_over(part, kind, chance.ago(minutes=15), up_to(status), minutes=2)

    return story


def _after(kind: Purpose, aftermath: str, reason: str | None = None) -> Callable[[Part], None]:
    def story(part: Part) -> None:
        fail_over(part, kind, chance.ago(hours=2), WAY, aftermath=aftermath, reason=reason)

    return story


STORIES: tuple[Callable[[Part], None], ...] = (
    waiting_backup,
    _on_the_way(Purpose.TEST, "pending"),
    _on_the_way(Purpose.LIVE, "validating"),
    _on_the_way(Purpose.TEST, "snapshotting"),
    _on_the_way(Purpose.LIVE, "creating_vm"),
    _on_the_way(Purpose.TEST, "switching_volume"),
    _on_the_way(Purpose.LIVE, "powering_on"),
    _after(Purpose.TEST, "due cleanup"),
    _after(Purpose.TEST, "due cleanup cleanup_failed", "The cloud still uses the snapshot."),
    _after(Purpose.LIVE, "due reverting"),
    _after(Purpose.LIVE, "due reverting revert_failed", "The source does not power on."),
)


def tell(number: int, part: Part) -> None:
    """The story of the VM with this number, from 0."""
    keep_current(part, 72, 24)
    STORIES[number](part)
