"""Many runs as one: the cells of a grid, the plan with its cost, running what is not finished, the closing table."""
