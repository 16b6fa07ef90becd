"""One clock, one loop: what happens at each step is a function of the step."""
