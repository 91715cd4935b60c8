"""The web page: hand-written modules on vendored libraries, served as they are."""
