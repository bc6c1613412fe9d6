"""A server that is killed at random moments under load: what it acknowledged and what it told stays so."""
