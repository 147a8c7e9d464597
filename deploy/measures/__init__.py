"""What Prometheus is told: read from tables, NATS and probes, never from the messages' own way."""
