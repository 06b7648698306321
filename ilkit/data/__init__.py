"""What flows between stages and what is built inside them."""
