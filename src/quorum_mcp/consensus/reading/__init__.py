"""Reading a model's answer: where its conclusion stands, and the normal form in which two conclusions compare."""
