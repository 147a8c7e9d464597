"""Three services; they meet only in contracts."""
