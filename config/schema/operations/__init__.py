"""Operations for the migrations of any app. A migration may import this module.

What ends in `Online` is Django's operation of that name, done so that others read and write meanwhile: write what
makemigrations wrote, with `Online` after the name, and `atomic = False` in the migration.
"""

from config.schema.months import month_bounds
from config.schema.operations.backfill import AfterBackfill, Backfill
from config.schema.operations.online import (
    AddConstraintOnline,
    AddFieldOnline,
    AddIndexOnline,
    AlterConstraintOnline,
    AlterFieldOnline,
)
from config.schema.operations.partitions import PartitionByMonth, PartitionByMonthOnline
from config.schema.operations.quarantine import DropQuarantined, QuarantineField, QuarantineModel
from config.schema.operations.statements import UNCHANGED, DialectSQL, Statements
from config.schema.operations.swap import SwapFields

__all__ = [
    "UNCHANGED",
    "AddConstraintOnline",
    "AddFieldOnline",
    "AddIndexOnline",
    "AfterBackfill",
    "AlterConstraintOnline",
    "AlterFieldOnline",
    "Backfill",
    "DialectSQL",
    "DropQuarantined",
    "PartitionByMonth",
    "PartitionByMonthOnline",
    "QuarantineField",
    "QuarantineModel",
    "Statements",
    "SwapFields",
    "month_bounds",
]

for each in (
    AddConstraintOnline,
    AddFieldOnline,
    AddIndexOnline,
    AlterConstraintOnline,
    AfterBackfill,
    AlterFieldOnline,
    Backfill,
    DialectSQL,
    DropQuarantined,
    PartitionByMonth,
    PartitionByMonthOnline,
    QuarantineField,
    QuarantineModel,
    Statements,
    SwapFields,
):
    # A migration is written with this address, and its digest holds it; where a class lives inside may change.
    each.__module__ = __name__
