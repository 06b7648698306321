"""What a pipeline will run, and what is wrong with it, found before anything runs."""
