"""Whatever changes, guards or reports the shape of the database. It imports Django only."""
