"""Kinds of `align`."""
