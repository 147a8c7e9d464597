"""The only SQL of intake; rows become plain objects and never leave."""
