"""Calls with wrong arguments, by subject; `tests/test_bad_calls.py` makes them."""
