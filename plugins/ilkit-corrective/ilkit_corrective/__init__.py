"""Corrective labels: states beside the demonstrated ones, with the action that leads back to them."""
