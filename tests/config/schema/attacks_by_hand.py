"""Attacks on the rules that have a shape of their own, and on the lifecycles of jobs."""

from collections.abc import Iterator
from typing import Any

from tests.config.schema.attacks import CURRENT, HELD, MOUNT, OVERRIDDEN, Attack
from tests.config.schema.rows import FIRST_ID, LATER, TIME, Ref, key_of

STARTED = {"started_at": TIME}
ENDED = {"started_at": TIME, "completed_at": LATER}
MANUAL = {"kind": "manual", "deadline_seconds": 3600, "default_answer": "stop"}
COMPLETED_FAILOVER = {"status": "completed", "aftermath": "due", **ENDED}
COMPLETED_BACKUP = {"status": "completed", "snapshot_at": TIME, **ENDED}

LET_GO = {"run_by": "ada", "run_at": TIME}

BY_HAND: dict[str, list[Attack]] = {
    "schema_requests_approved_by_another": [Attack({"approved_by": "ada", "approved_at": TIME})],
    "schema_requests_approval_whole": [Attack({"approved_by": "bob"}), Attack({"approved_at": TIME})],
    "schema_requests_approved_before_it_runs": [
        Attack({"status": "approved"}, {"needs_approval": True}),
        Attack({"status": "queued"}, {"needs_approval": True, **LET_GO}),
        Attack({"needs_approval": True}, {"status": "queued", **LET_GO}),
        Attack({"status": "running"}, {"needs_approval": True, **LET_GO, **STARTED, "heartbeat_at": TIME}),
    ],
    "schema_requests_run_by_somebody": [
        *(Attack({"status": "queued"}, given) for given in ({}, {"run_by": "ada"}, {"run_at": TIME})),
        Attack({"status": "running"}, {**STARTED, "heartbeat_at": TIME}),
    ],
    "schema_requests_open_key_while_open": [
        Attack({"open_key": None}),
        Attack({"status": "cancelled", "ended_at": LATER}),
    ],
    "schema_requests_ended_once": [
        Attack({"ended_at": LATER}),
        Attack({"status": "cancelled", "open_key": None}),
    ],
    "schema_requests_begun_has_begun": [
        Attack({"status": "running"}, LET_GO | given) for given in ({}, STARTED, {"heartbeat_at": TIME})
    ],
    **{
        f"{kind}_jobs_operation_filled": [Attack({"operation": ""})]
        for kind in ("replication", "failover", "backup", "restore")
    },
    "protections_planned_for_filled": [Attack({"planned_for": ""})],
    **{
        f"{kind}_slots_no_job_for_a_reason": [
            *(Attack({"outcome": value}) for value in ("waiting", "skipped", "missed")),
            Attack({"reason": None}, {"outcome": "missed", "reason": "an outage"}),
        ]
        for kind in ("replication", "backup")
    },
    "backup_jobs_pruned_for_a_reason": [
        Attack({"pruned_at": TIME}, COMPLETED_BACKUP),
        Attack({"pruned_reason": "old"}, COMPLETED_BACKUP),
        Attack({"pruned_reason": ""}, {"pruned_at": TIME, "pruned_reason": "old", **COMPLETED_BACKUP}),
    ],
    "backup_jobs_pruned_had_completed": [Attack({"pruned_at": TIME, "pruned_reason": "old"})],
    "backup_jobs_protected_is_not_pruned": [
        Attack({"is_protected": True}, {"pruned_at": TIME, "pruned_reason": "old", **COMPLETED_BACKUP}),
    ],
    "fleet_surveys_taken_by_whom": [Attack({"holder": None}), Attack({"taken_at": None})],
    "restore_jobs_lease_whole": [Attack({"heartbeat_at": TIME}), Attack({"lease_seconds": 60})],
    "users_text_filled": [Attack({"username": ""})],
    "users_lock_reason_of_a_lock": [
        Attack({"lock_reason": "left"}),
        Attack({"locked_at": None}, {"locked_at": TIME, "lock_reason": "left"}),
    ],
    "vcenters_port_valid": [Attack({"port": 0}), Attack({"port": 65536}), Attack({"port": -443})],
    "vcenters_pinned_has_thumbprint": [
        Attack({"tls_policy": "pinned"}),
        Attack({"thumbprint": None}, {"tls_policy": "pinned", "thumbprint": "aa"}),
    ],
    "alerts_open_until_resolved": [
        Attack({"resolved_at": TIME}),
        Attack({"is_open": None}),
        Attack({"is_open": True}, {"is_open": None, "resolved_at": TIME}),
    ],
    "alerts_acknowledged_by_whom": [
        Attack({"acknowledged_at": TIME}),
        Attack({"acknowledged_by_id": Ref("users")}),
    ],
    "alerts_subject_of_vm_or_host": [
        Attack({"subject": "vm:1"}),
        Attack({"subject": "host:1"}),
        Attack({"vm_context_id": Ref("vm_replication_contexts")}),
        Attack({"host_id": Ref("hosts")}),
        Attack({"host_id": Ref("hosts")}, {"vm_context_id": Ref("vm_replication_contexts"), "subject": "vm:1"}),
        Attack({"subject": "system:1"}, {"host_id": Ref("hosts"), "subject": "host:1"}),
    ],
    "vm_disks_disk_id_of_device_key": [
        Attack({"disk_id": value})
        for value in ("", "disk-", "disk-0", f"DISK-{FIRST_ID + 1}", f"disk-{FIRST_ID + 1} ", f"disk-0{FIRST_ID + 1}")
    ]
    + [Attack({"device_key": 2000})],
    "operation_claims_all_or_none": [
        *(Attack({column: value}) for column, value in HELD.items()),
        *(Attack({column: None}, HELD) for column in HELD),
    ],
    "discovery_runs_ended_has_time": [
        Attack({"completed_at": LATER}),
        Attack({"status": "completed"}),
        Attack({"status": "failed"}),
    ],
    "discovery_runs_lease_whole": [Attack({"heartbeat_at": TIME}), Attack({"lease_seconds": 60})],
    "discovery_runs_waiting_has_vcenter": [Attack({"status": "waiting"})],
    "discovery_outcomes_reason_given": [Attack({"outcome": value}) for value in ("missing", "conflict", "failed")],
    "ossea_volumes_attached_has_disk": [
        Attack({"status": "attached"}),
        Attack({"vm_disk_id": None}, {"status": "attached", "vm_disk_id": Ref("vm_disks")}),
    ],
    "ossea_volumes_detached_has_no_path": [
        Attack({"status": "detached"}, {"device_path": "/dev/vdb"}),
        Attack({"device_path": "/dev/vdb"}, {"status": "detached", "vm_disk_id": Ref("vm_disks")}),
    ],
    "replication_disks_synced_within_total": [
        Attack({"bytes_synced": 11}, {"bytes_total": 10}),
        Attack({"bytes_total": 9}, {"bytes_total": 10, "bytes_synced": 10}),
    ],
    "cbt_history_invalid_for_a_reason": [
        Attack({"invalidated_at": TIME}),
        Attack({"invalid_reason": "reverted"}),
    ],
    "cbt_history_current_is_committed": [
        Attack({"is_current": True}),
        Attack({"committed_at": None}, CURRENT),
        Attack({"sync_success": False}, CURRENT),
        Attack({"invalidated_at": TIME, "invalid_reason": "resized"}, CURRENT),
    ],
    "failover_jobs_aftermath_of_kind": [
        *(
            Attack({"aftermath": value, "aftermath_completed_at": LATER}, COMPLETED_FAILOVER)
            for value in ("committed", "rolled_back")
        ),
        *(Attack({"aftermath": value}, COMPLETED_FAILOVER) for value in ("reverting", "revert_failed")),
        *(
            Attack({"aftermath": value}, {**COMPLETED_FAILOVER, "job_type": "live"})
            for value in ("cleanup", "cleanup_failed")
        ),
        Attack({"aftermath": "cleaned", "aftermath_completed_at": LATER}, {**COMPLETED_FAILOVER, "job_type": "live"}),
    ],
    "failover_jobs_aftermath_after_the_end": [
        Attack({"aftermath": "due"}),
        Attack({"aftermath": "cleanup"}, {"status": "powering_on", **STARTED}),
        Attack({"aftermath": "due"}, {"status": "cancelled", "completed_at": LATER}),
    ],
    "failover_jobs_completed_has_aftermath": [Attack({"aftermath": "none"}, COMPLETED_FAILOVER)],
    "failover_jobs_aftermath_ended_has_time": [
        Attack({"aftermath": "cleaned"}, COMPLETED_FAILOVER),
        Attack({"aftermath": "committed"}, {**COMPLETED_FAILOVER, "job_type": "live"}),
        Attack({"aftermath": "rolled_back"}, {**COMPLETED_FAILOVER, "job_type": "live"}),
        Attack({"aftermath_completed_at": LATER}, COMPLETED_FAILOVER),
        Attack({"aftermath_completed_at": LATER}),
    ],
    "failover_jobs_override_by_whom": [
        Attack({"override_reason": "now"}),
        Attack({"override_by": "ada"}),
        Attack({"override_by": None}, OVERRIDDEN),
    ],
    "volume_snapshots_active_by_status": [
        Attack({"is_active": None}),
        *(Attack({"status": status}) for status in ("restored", "deleted", "failed")),
        Attack({"is_active": True}, {"status": "deleted", "is_active": None}),
    ],
    "volume_snapshots_ready_has_id": [
        Attack({"status": "ready"}),
        Attack({"snapshot_id": None}, {"status": "ready", "snapshot_id": "snapshot"}),
    ],
    "failover_steps_ended_has_time": [
        *(Attack({"status": status}, STARTED) for status in ("completed", "failed", "skipped")),
        Attack({"completed_at": LATER}),
    ],
    "failover_steps_running_has_time": [
        Attack({"status": "running"}),
        Attack({"started_at": None}, {"status": "running", **STARTED}),
    ],
    "recovery_plan_runs_active_by_status": [
        Attack({"is_active": None}),
        *(
            Attack({"status": status, "completed_at": LATER}, STARTED)
            for status in ("completed", "failed", "cancelled")
        ),
    ],
    "recovery_plan_runs_ended_has_time": [
        *(Attack({"status": status, "is_active": None}, STARTED) for status in ("completed", "failed", "cancelled")),
        Attack({"completed_at": LATER}),
    ],
    "recovery_plan_groups_question_given": [
        Attack({"question": "", "answer_seconds": 60, "default_answer": "stop"}),
        Attack({"question": "Is it up?", "answer_seconds": 0, "default_answer": "stop"}),
    ],
    "recovery_plan_groups_question_whole": [
        Attack({"question": "Is it up?"}),
        Attack({"answer_seconds": 60}),
        Attack({"default_answer": "stop"}),
        Attack({"question": "Is it up?", "answer_seconds": 60}),
    ],
    "recovery_plan_runs_ending_has_reason": [Attack({"ending": "failed"})],
    "recovery_plan_steps_waits_for_another": [
        Attack({"group_seq": 0}),
        Attack({"waits_for": 0}),
        Attack({"waits_for": 1}),
        Attack({"group_seq": 2, "waits_for": 2}),
    ],
    "recovery_plan_runs_begun_has_time": [Attack({"status": status}) for status in ("running", "waiting")],
    "recovery_plan_steps_manual_has_default": [
        Attack({"kind": "manual"}),
        Attack({"kind": "manual", "deadline_seconds": 3600}),
        Attack({"kind": "manual", "default_answer": "stop"}),
        Attack({"deadline_seconds": None}, MANUAL),
    ],
    "recovery_plan_steps_asked_has_deadline": [
        Attack(STARTED, MANUAL),
        Attack({"deadline": None}, {**MANUAL, **STARTED, "deadline": LATER}),
        Attack({"status": "completed", **ENDED}, MANUAL),
    ],
    "recovery_plan_steps_ended_has_time": [
        *(Attack({"status": status}, STARTED) for status in ("completed", "failed", "skipped")),
        Attack({"completed_at": LATER}),
    ],
    "recovery_plan_steps_running_has_time": [Attack({"status": "running"})],
    "backup_policies_keep_something": [Attack({"keep_last": 0})],
    "backup_jobs_incremental_has_parent": [
        Attack({"backup_type": "incremental"}),
        Attack({"parent_id": Ref("backup_jobs", 7)}),
        Attack({"parent_id": None}, {"backup_type": "incremental", "parent_id": Ref("backup_jobs", 7)}),
    ],
    "backup_jobs_not_its_own_parent": [
        Attack({"backup_type": "incremental", "parent_id": key_of("backup_jobs")}),
    ],
    "backup_jobs_completed_has_snapshot_time": [
        Attack({"status": "completed", "completed_at": LATER}, STARTED),
        Attack({"snapshot_at": None}, COMPLETED_BACKUP),
    ],
    "backup_jobs_verified_with_result": [
        Attack({"verified_at": TIME}),
        Attack({"verified_good": True}),
        Attack({"verified_good": False}),
    ],
    "backup_disks_completed_has_copy": [
        Attack({"status": "completed"}),
        Attack({"status": "completed", "path": "/copy"}),
        Attack({"status": "completed", "bytes_stored": 1}),
    ],
    "restore_jobs_mount_active_by_status": [
        Attack({"is_active_mount": True}),
        Attack({"is_active_mount": None}, MOUNT),
        Attack({"status": "failed", "completed_at": LATER}, MOUNT),
    ],
    "restore_jobs_mount_names_disk": [Attack({"mode": "mount", "is_active_mount": True})],
    "restore_jobs_only_mounts_are_mounted": [
        Attack({"status": "mounted"}, STARTED),
        Attack({"status": "unmounted", "completed_at": LATER}, STARTED),
    ],
    "restore_jobs_mounts_are_unmounted": [
        Attack({"status": "completed", "completed_at": LATER, "is_active_mount": None}, {**MOUNT, **STARTED}),
    ],
}

ENDING: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    ("backup_jobs", "completed"): ({"snapshot_at": TIME}, {}),
    ("failover_jobs", "completed"): ({}, {"aftermath": "due"}),
    ("restore_jobs", "mounted"): (MOUNT, {}),
    ("restore_jobs", "unmounted"): (MOUNT, {"is_active_mount": None}),
}
"""What a status demands beside the times: of the row before, and along with the change."""


def lifecycle_attacks(model: Any) -> Iterator[tuple[str, list[Attack]]]:
    """The attacks on the times of one kind of job, for each of its statuses."""
    table, lifecycle = model._meta.db_table, model.LIFECYCLE

    def reach(status: str, before: dict[str, Any], **changes: Any) -> Attack:
        start, along = ENDING.get((table, status), ({}, {}))
        return Attack({"status": status, **along, **changes}, {**start, **before})

    yield (
        f"{table}_ended_has_time",
        [reach(status, STARTED) for status in lifecycle.terminal]
        + [reach(status, STARTED, completed_at=LATER) for status in lifecycle.active],
    )
    yield (
        f"{table}_begun_has_time",
        [
            reach(status, {}, **({} if status in lifecycle.active else {"completed_at": LATER}))
            for status in lifecycle.after_begun
        ],
    )
    yield (
        f"{table}_bytes_done_within_total",
        [Attack({"bytes_done": 11}, {"bytes_total": 10}), Attack({"bytes_total": 9, "bytes_done": 10})],
    )
