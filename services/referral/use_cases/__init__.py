"""What referral does: publish the directory, make offers, take answers."""
