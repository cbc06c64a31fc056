"""The durable rows: alerts, incidents, timeline, outbox, keys."""
