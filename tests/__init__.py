"""What shows that Siraba keeps its promises; the tree mirrors the code, plus journeys, trust and house."""
