"""Back-up and restore jobs: what they do at the moves that all kinds of job make."""

from collections.abc import Mapping
from typing import Any

from backups.models import RESTORE, BackupJob, BackupStatus, RestoreJob, RestoreMode, RestoreStatus
from config.jobs.kinds import Kind
from config.jobs.refusals import IllegalMove

MOUNTED = (RestoreStatus.MOUNTED.value, RestoreStatus.UNMOUNTED.value)


class Backup(Kind):
    model = BackupJob
    begins_with = BackupStatus.RUNNING.value


class Restore(Kind):
    model = RestoreJob
    begins_with = RestoreStatus.RUNNING.value

    def check(self, job: Any, field: str, to: str) -> None:
        """A mount is mounted and ends by being unmounted, any other restore completes. Raises IllegalMove."""
        other = MOUNTED if job.mode == RestoreMode.RESTORE else (RestoreStatus.COMPLETED.value,)
        if to in other:
            raise IllegalMove(f"Restore job {job.public_id} is a {job.mode}, which is never {to}.")

    def columns(self, job: Any, field: str, to: str) -> Mapping[str, Any]:
        """The disk is free for another mount once this one has ended."""
        return {"is_active_mount": None} if to in RESTORE.terminal else {}

    def success(self, job: Any) -> tuple[str, str]:
        """A mount has succeeded once it is unmounted; that it is mounted is a step on the way."""
        return "status", (RestoreStatus.UNMOUNTED if job.mode == RestoreMode.MOUNT else RestoreStatus.COMPLETED).value
