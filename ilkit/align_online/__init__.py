"""Kinds of `align_online`."""
