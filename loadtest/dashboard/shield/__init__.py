"""What keeps others' pages away from Locust's: who may change state, what a browser may load, what a start may set."""
