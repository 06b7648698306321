"""Looking at, checking and editing recorded demonstrations."""
