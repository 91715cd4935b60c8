"""The simulated panel: scripted models behind real provider APIs on loopback, for demo, tests and fault injection.

Nothing here is a language model, and every answer says so. See `models` for who sits on the panel and for the
knobs, `brain` for what they say, `server` for how they are reached, `provider` for how Quorum calls them.
"""
