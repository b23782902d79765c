"""Names that two parts must agree on."""

__all__ = ["class_name"]


def class_name(profile: str, group: str) -> str:
    """The Locust user class that runs a profile's group."""
    return f"{profile}/{group}"
