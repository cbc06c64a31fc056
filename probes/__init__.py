"""How to measure one thing: a library of probes that knows nothing of alerts, schedules or storage."""
