"""Learning by trial to visit what was demonstrated: what the kinds of `match` share."""
