"""Where plugins are found and called. The gate here is the only way to a port that moves value."""
