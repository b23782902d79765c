"""The composition root for Locust: reads the profiles and hands their user classes to `locust -f`. Decides nothing."""

import os
import sys

from loadtest.errors import LoadtestError
from loadtest.swarm.catalog import Catalog
from loadtest.swarm.hooks import WIRING
from loadtest.swarm.names import class_name
from loadtest.swarm.profile_users import user_classes_of
from loadtest.swarm.shape import ProfileShape

__all__ = ["ProfileShape"]

try:
    WIRING.catalog = Catalog.read(os.environ)
except LoadtestError as problem:
    sys.stderr.write(f"{problem}\n")
    sys.exit(int(problem.exit_code))

# Locust looks for user classes in this module's namespace. Every profile's are there, so that the web page can start
# any of them without restarting a process; the dispatcher places only those of the profile that runs.
for _profile in WIRING.catalog.profiles.values():
    globals().update(user_classes_of(_profile.name, _profile.users, _profile.target, class_name))
