"""The life of anything long: claim, heartbeat, numbered events, live feed, cancel, resume, take-over."""
