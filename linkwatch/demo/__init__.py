"""A simulated province on this machine."""
