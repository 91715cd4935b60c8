"""The providers' APIs that the simulated panel speaks, one file each."""
