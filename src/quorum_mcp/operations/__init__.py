"""What Quorum can do: every operation's card, and the one way to invoke it."""
