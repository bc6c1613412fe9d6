"""One suite for all transports: what the stream promises, seen by clients that know nothing of the server's code."""
