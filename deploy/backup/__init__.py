"""Taking the platform's state to another disk, sealed, and bringing it back."""
