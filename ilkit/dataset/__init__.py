"""Demonstrations that were recorded elsewhere."""
