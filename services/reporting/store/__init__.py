"""The only SQL of reporting; rows become plain objects and never leave."""
