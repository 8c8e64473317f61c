"""Small apps with awkward migrations: the schema commands have to work for any app, not just for this project's."""
