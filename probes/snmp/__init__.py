"""SNMP: a poller over many devices."""
