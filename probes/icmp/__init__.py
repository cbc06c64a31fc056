"""ICMP echo: a batch engine over many targets."""
