"""This process's descriptor limit. Container engines start processes at 1,024, and each subscriber needs one."""

import resource

__all__ = ["raise_descriptor_limit"]


def raise_descriptor_limit() -> int:
    """Raise the soft limit to the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
