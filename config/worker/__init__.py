"""The process that does what nobody waits for at a terminal (docs/worker.md)."""
