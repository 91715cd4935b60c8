"""One model call: from a name and a prompt to an answer, its cost and its trace."""
