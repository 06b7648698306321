"""Kinds of `reward`."""
