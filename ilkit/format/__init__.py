"""Formats of recordings: one file a format."""
