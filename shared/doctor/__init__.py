"""`sluice doctor`: looks at a whole installation from outside and says, in plain words, what is wrong with it."""
