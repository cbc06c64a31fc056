"""The status API: one module for each resource."""
