"""The only Flask code: what is added to Locust's own web page. It shows; it knows nothing of runs and workers."""
