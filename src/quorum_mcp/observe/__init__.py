"""What the process tells about itself: logs, and the redaction of secrets in them."""
