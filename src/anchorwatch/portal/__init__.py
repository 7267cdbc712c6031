"""The licensing portal: the desk around `licensing` and `db`, its keys, and the address where devices find it."""
