"""Pieces of networks and policies."""
