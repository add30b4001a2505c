"""What comes from the Hub."""
