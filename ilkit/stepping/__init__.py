"""Acting in environments and collecting episodes."""
