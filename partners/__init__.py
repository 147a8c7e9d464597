"""What a partner organisation receives to take part: a kit, examples and how to check them."""
