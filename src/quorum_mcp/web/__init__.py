"""The import path that `uvicorn` is given."""
