"""The inventory file: read, checked, and turned into plain frozen data."""
