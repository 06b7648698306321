"""Imitation by soft values that demonstrated steps raise (SQIL): what its two forms share."""
