"""The columns of the tables of this app.

They are abstract, as each table has two models: one that no app registry knows, which works also where the app is not
installed (`config.schema.tables`), and an unmanaged one for the admin.
"""

from django.db import models


class RunColumns(models.Model):
    """One execution of migrations."""

    command = models.CharField(max_length=64)
    arguments = models.TextField()
    by = models.CharField(max_length=255)
    reason = models.TextField(null=True)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    release = models.CharField(max_length=255)
    engine = models.CharField(max_length=64)
    lock_wait_ms = models.BigIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, null=True)
    """done, failed, paused (a backfill, by a person), interrupted (its process died) or restored (it came with a
    back-up); NULL while it works."""
    error = models.TextField(null=True)

    class Meta:
        abstract = True
        db_table = "schema_runs"

    def __str__(self) -> str:
        return f"run {self.pk}"


class StepColumns(models.Model):
    """One migration applied or unapplied; ended in the same transaction as its row in django_migrations."""

    run = models.ForeignKey("schema.Run", on_delete=models.PROTECT, related_name="steps")
    app = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    backwards = models.BooleanField()
    faked = models.BooleanField(default=False)
    in_one_transaction = models.BooleanField()
    digest = models.CharField(max_length=64)
    operations = models.TextField()
    """JSON: for each operation its digest, empty where one transaction holds them all, and its description."""
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey("schema.Run", on_delete=models.PROTECT, related_name="ended_steps", null=True)
    outcome = models.CharField(max_length=16, null=True)
    """done, recorded (by hand, by somebody) or nothing (rolled back whole); NULL while it is not finished."""

    class Meta:
        abstract = True
        db_table = "schema_steps"

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"


class OperationEntryColumns(models.Model):
    """How far one operation of a step came, where no transaction holds the whole step."""

    step = models.ForeignKey("schema.Step", on_delete=models.PROTECT, related_name="entries")
    number = models.IntegerField()
    is_code = models.BooleanField()
    """A RunPython, which is never run again once it has ended."""
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=8, null=True)
    """done or again: what a person said of an operation of which no machine can tell whether it happened."""
    deferred = models.CharField(max_length=64, null=True)
    """The digest of the SQL that is still to run at the end of the migration, where the operation changed that or left
    something in the session; so it is gone through again."""

    class Meta:
        abstract = True
        db_table = "schema_operations"

    def __str__(self) -> str:
        return f"operation {self.number + 1}"


class StatementEntryColumns(models.Model):
    """One statement of an operation: written before it where it cannot be rolled back, else together with it."""

    step = models.ForeignKey("schema.Step", on_delete=models.PROTECT, related_name="statements")
    run = models.ForeignKey("schema.Run", on_delete=models.PROTECT, related_name="statements")
    operation = models.IntegerField()
    number = models.IntegerField()
    sql = models.TextField()
    digest = models.CharField(max_length=64)
    before = models.CharField(max_length=64, null=True)
    """The digest of what the catalogue said before the statement; unchanged means that it did not happen."""
    decision = models.CharField(max_length=8, null=True)
    """As that of an operation; failed where the database refused it, whatever the operation then made of that."""
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        db_table = "schema_statements"

    def __str__(self) -> str:
        return self.sql


class AnswerEntryColumns(models.Model):
    """What the catalogue answered a schema editor that was about to render SQL; given again when the operation is."""

    step = models.ForeignKey("schema.Step", on_delete=models.PROTECT, related_name="answers")
    operation = models.IntegerField()
    number = models.IntegerField()
    question = models.CharField(max_length=255)
    answer = models.TextField()

    class Meta:
        abstract = True
        db_table = "schema_answers"

    def __str__(self) -> str:
        return self.question


class InstanceColumns(models.Model):
    """One process that serves a release, for as long as its lease runs; all times are those of the database's clock."""

    key = models.CharField(max_length=32, primary_key=True)
    release = models.CharField(max_length=255)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    lease_seconds = models.IntegerField()
    started_at = models.DateTimeField()
    reported_at = models.DateTimeField()

    class Meta:
        abstract = True
        db_table = "schema_instances"

    def __str__(self) -> str:
        release = self.release if self.release.startswith("unknown") else f"release {self.release}"
        return f"process {self.pid} on {self.host} ({release})"


class ProbeColumns(models.Model):
    """What the worker found when it looked; one row for as long as it finds the same."""

    state = models.CharField(max_length=16)
    faults = models.TextField()
    """JSON: the id, the subject, the words and the recommendation of each fault."""
    release = models.CharField(max_length=255)
    host = models.CharField(max_length=255)
    milliseconds = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        abstract = True
        db_table = "schema_probes"

    def __str__(self) -> str:
        return self.state


class RecoveryTaskColumns(models.Model):
    """A fault that a probe found, and what a person said to it. A fault has one open task at most."""

    fault = models.CharField(max_length=64)
    subject = models.CharField(max_length=255)
    words = models.TextField()
    command = models.TextField(null=True)
    """What an approval lets the worker do; NULL where only a person can mend it."""
    open_key = models.CharField(max_length=64, unique=True, null=True)
    """The digest of fault and subject while the task is open, else NULL."""
    opened_at = models.DateTimeField()
    approved_by = models.CharField(max_length=255, null=True)
    approved_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, null=True)
    """mended (by the approved command), gone (by itself or by hand) or failed; NULL while it is open."""
    error = models.TextField(null=True)

    class Meta:
        abstract = True
        db_table = "schema_recovery_tasks"

    def __str__(self) -> str:
        return f"{self.fault} {self.subject}".strip()


class ApprovalColumns(models.Model):
    """A person's yes to one plan. It is void for any other plan, as that has another digest."""

    digest = models.CharField(max_length=64)
    """`config.schema.gate.plan_digest`, as schema_plan shows it."""
    approved_by = models.CharField(max_length=255)
    reason = models.TextField()
    approved_at = models.DateTimeField()
    withdrawn_by = models.CharField(max_length=255, null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        db_table = "schema_approvals"

    def __str__(self) -> str:
        return self.digest[:12]


class RehearsalColumns(models.Model):
    """A plan that was run on a clone of this database; made by the first rehearsal, and not by `migrate`."""

    digest = models.CharField(max_length=64)
    """`config.schema.gate.plan_digest`, as an approval has it."""
    scope = models.CharField(max_length=16)
    """pending (on a clone with the rows) or all (the whole history, on an empty one)."""
    passed = models.BooleanField()
    milliseconds = models.BigIntegerField()
    """Of the first way up."""
    backup_at = models.DateTimeField(null=True)
    """The moment of the back-up that was restored for it; NULL for an empty clone."""
    by = models.CharField(max_length=255)
    host = models.CharField(max_length=255)
    release = models.CharField(max_length=255)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    report = models.TextField()
    """JSON, as `schema_rehearse --format json` prints it."""

    class Meta:
        abstract = True
        db_table = "schema_rehearsals"

    def __str__(self) -> str:
        return self.digest[:12]


class ChecklistTickColumns(models.Model):
    """What a person says of one item of the checklist of one plan."""

    digest = models.CharField(max_length=64)
    """As that of an approval."""
    item = models.CharField(max_length=32)
    note = models.TextField()
    ticked_by = models.CharField(max_length=255)
    ticked_at = models.DateTimeField()
    withdrawn_by = models.CharField(max_length=255, null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        db_table = "schema_checklist_ticks"

    def __str__(self) -> str:
        return f"{self.item} of {self.digest[:12]}"


class TickKeyColumns(models.Model):
    """The key of an item that is ticked, so that no item of a plan is ticked twice at a time.

    A table of its own: one that an earlier release has made is not changed.
    """

    key = models.CharField(max_length=64, primary_key=True)
    """The digest of plan and item; its row goes when the tick is withdrawn."""
    tick = models.BigIntegerField()

    class Meta:
        abstract = True
        db_table = "schema_checklist_keys"

    def __str__(self) -> str:
        return self.key[:12]


class BackfillColumns(models.Model):
    """How far the filling of a table came; the cursor is written in the same transaction as the batch before it."""

    step = models.BigIntegerField()
    """The key of its row in schema_steps; no foreign key, as tables that refer to each other are made together."""
    operation = models.IntegerField()
    name = models.CharField(max_length=255)
    app = models.CharField(max_length=255)
    migration = models.CharField(max_length=255)
    backwards = models.BooleanField()
    table_name = models.CharField(max_length=255)
    total = models.BigIntegerField(null=True)
    """About how many rows the table has, as its catalogue said in the beginning; NULL where that did not know."""
    sweep = models.IntegerField(default=1)
    """How often it has begun at the beginning of the table."""
    cursor = models.TextField(null=True)
    """JSON: the key up to which this sweep has come; NULL at its beginning."""
    seen = models.BigIntegerField(default=0)
    """Rows gone through in this sweep, whether they had to be filled or not."""
    seen_in_all = models.BigIntegerField(default=0)
    filled = models.BigIntegerField(default=0)
    batches = models.IntegerField(default=0)
    batch_rows = models.IntegerField()
    """How many keys the next batch goes over."""
    milliseconds = models.BigIntegerField(default=0)
    """Of all batches together."""
    started_at = models.DateTimeField()
    last_at = models.DateTimeField()
    paused_by = models.CharField(max_length=255, null=True)
    paused_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    """When a query found no row unfilled; NULL where it has not ended, or has nothing to verify it by."""

    class Meta:
        abstract = True
        db_table = "schema_backfills"

    def __str__(self) -> str:
        return f"{self.app}.{self.migration} {self.name}"
