"""Learning by trial from replayed steps: critics, what is replayed to them, and the actors that climb them."""
