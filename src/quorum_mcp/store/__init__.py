"""Durable records: runs and their events, calls and attempts, and the journal that loses none of them."""
