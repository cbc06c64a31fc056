"""LinkWatch: watches what an emergency response runs on and pages until somebody answers."""
