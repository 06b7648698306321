"""Pieces of algorithms that components share."""
