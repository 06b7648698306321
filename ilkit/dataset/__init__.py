"""Demonstrations that were recorded elsewhere: one file a format."""
