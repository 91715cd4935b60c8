"""Alerts on their way to people: shown live, and sent to webhooks."""
