"""Master and workers beyond Locust's own messages: who joins, which run it is, Records up and acknowledgements down."""
