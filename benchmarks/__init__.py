"""Side-by-side timings: the course's trainer against plain loops as textbooks write them."""
