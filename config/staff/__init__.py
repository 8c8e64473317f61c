"""What staff see across all rooms: the look of the pages, the home, how the fleet stands, and saved views of lists."""
