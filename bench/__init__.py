"""How fast, how small and how right LinkWatch is, beside its peers, in one table: `python -m bench`."""
