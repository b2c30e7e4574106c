"""One exchange with a model: its requests, the guard, and the drivers that wait for it."""
