"""A worker's process: verified, caged, one plugin in it."""
