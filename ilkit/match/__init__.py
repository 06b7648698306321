"""Kinds of `match`."""
