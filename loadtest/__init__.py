"""A distributed load cluster on Locust: subscribers, pollers, profiles, verdicts."""
