"""Pipelines, traced and compiled for DVC."""
