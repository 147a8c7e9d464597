"""PostgreSQL and NATS as child processes: the real engines, without installing anything."""
