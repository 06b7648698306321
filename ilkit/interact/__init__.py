"""Kinds of `interact`."""
