"""Where models live: one file per wire, and the catalogue of vendors that speak it."""
