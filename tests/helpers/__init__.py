"""What several tests share: short runs, a tiny world, commands as a user types them."""
