"""Migrations of both stages: what the release before uses is dropped once it has gone."""
