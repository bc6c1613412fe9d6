"""Live: the hub that knows who listens where, and the transports that reach them."""
