"""goip's own format: JSON or form bodies by HTTP, and the same objects by Socket.IO."""
