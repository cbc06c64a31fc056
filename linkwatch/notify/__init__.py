"""How a message reaches a contact: the port, and one file per way of sending. Apprise lives here."""
