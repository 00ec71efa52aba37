"""Small screens over the large one: each asks one thing, or shows one."""
