"""What goes wrong around the server: a clear word or a 503, nothing lost, and no restart needed afterwards."""
