"""Finding kinds, and reading their settings."""
