"""Uncertainties: one file per kind."""
