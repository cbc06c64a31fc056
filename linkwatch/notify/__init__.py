"""Channels: the ways to reach a contact."""
