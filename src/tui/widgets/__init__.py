"""Parts of a screen: each shows one thing and speaks by messages only."""
