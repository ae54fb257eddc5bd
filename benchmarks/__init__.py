"""Side-by-side timings: the trainer against plain loops as textbooks write them; and comparisons of bits."""
