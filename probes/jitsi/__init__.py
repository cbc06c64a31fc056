"""Jitsi: one verdict per meeting server, with the failing part named."""
