"""What `init` and `new-plugin` write."""
