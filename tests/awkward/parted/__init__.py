"""A table with rows, that is partitioned by month and back while others write."""
