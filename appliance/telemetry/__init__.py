"""What the appliance tells of itself: measurements, traces of orders, and its log."""
