"""Depends, across apps, on what another app drops after the deploy."""
