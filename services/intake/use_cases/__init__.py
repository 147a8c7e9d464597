"""What intake does: each module one thing, in the transaction of whoever calls it."""
