"""The way out: a broker process makes every worker's connections, to the hosts that the operator granted it alone."""
