"""HTTP: one table of routes, handlers by noun, one body for errors."""
