"""The language of the road: what services and partners say to each other, and nothing else."""
