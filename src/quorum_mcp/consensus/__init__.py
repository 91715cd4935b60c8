"""Panels: how several models deliberate, and what their agreement is worth."""
