"""What the portal must not forget: tables, and one module per noun that stores it and makes it atomic.

Nothing here decides. A function takes a transaction and values of the domain, and gives values back; rows, SQL and
the difference between SQLite and PostgreSQL stay in this room. Which state a device goes to, what a sequence number
means and how seats are shared out is `anchorwatch.licensing`'s business.
"""
