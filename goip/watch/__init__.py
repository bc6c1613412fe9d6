"""What reacts to time: presence and upkeep."""
