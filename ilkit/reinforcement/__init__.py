"""What reinforcement algorithms share."""
