"""The alternating step, and the two stages that take it."""
