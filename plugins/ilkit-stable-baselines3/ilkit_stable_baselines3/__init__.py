"""Policies that Stable-Baselines3 has saved, as a kind of expert for ilkit."""
