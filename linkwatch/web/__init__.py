"""What people and machines read: metrics, status API, wall page."""
