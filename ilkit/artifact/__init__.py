"""Folders of bytes: what an artifact is on disk."""
