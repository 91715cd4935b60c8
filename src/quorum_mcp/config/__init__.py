"""One frozen `Settings` out of quorum.yaml, .env, the environment and the command line."""
