"""A synthetic decade: invented persons at Mali's published rates, for reports that need many years."""
