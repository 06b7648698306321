"""Numbers of policies, with intervals."""
