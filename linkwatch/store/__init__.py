"""What must survive: alerts, incidents, their timeline, the outbox, API keys. SQLAlchemy lives here."""
