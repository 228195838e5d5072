"""From a command to its receipt: the one way in for every door, the right, the state, the decision, the commit."""
