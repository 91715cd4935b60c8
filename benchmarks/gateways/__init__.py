"""Parts of `benchmarks/gateway.py`: an upstream, a load driver, the gateways, the tables."""
