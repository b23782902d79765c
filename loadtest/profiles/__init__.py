"""YAML in, a frozen Profile out, or every mistake at once with file, line and key path.

document        text -> plain data and the line of every value; `variables` are the ${…} in it,
                `syntax` has PyYAML's complaints in the user's words
overrides       --set, --target, …: what changes before the data is read
section         what every mapping of a profile is; `values` are the single values in them
target, group, websocket_group, freshness, slow_reading, rest, rates, load_stages, limits, profile
                the mappings themselves
checks          what the sections say together
problems        the mistakes and where they are; `wording` has pydantic's findings in the user's words
masking         what is secret, and hiding it
reading, files  text -> Profile, and the files that texts are in
editor          the JSON Schema for editors
"""

from loadtest.profiles.editor import schema
from loadtest.profiles.files import DEFAULT_FOLDER, discover, find, load_file
from loadtest.profiles.freshness import Freshness
from loadtest.profiles.masking import MASK, scrub
from loadtest.profiles.overrides import Overrides
from loadtest.profiles.profile import Profile
from loadtest.profiles.reading import load
from loadtest.profiles.rest import AnswerCheck, Pace, Request, RestGroup, Upload
from loadtest.profiles.slo_checks import has_plateau
from loadtest.profiles.slow_reading import Read
from loadtest.profiles.target import DEMO, Target
from loadtest.profiles.values import Range, parse_duration
from loadtest.profiles.websocket_group import (
    Matcher,
    Message,
    MessageCheck,
    Reconnect,
    SendTime,
    Session,
    WebSocketGroup,
)

__all__ = [
    "DEFAULT_FOLDER",
    "DEMO",
    "MASK",
    "AnswerCheck",
    "Freshness",
    "Matcher",
    "Message",
    "MessageCheck",
    "Overrides",
    "Pace",
    "Profile",
    "Range",
    "Read",
    "Reconnect",
    "Request",
    "RestGroup",
    "SendTime",
    "Session",
    "Target",
    "Upload",
    "WebSocketGroup",
    "discover",
    "find",
    "has_plateau",
    "load",
    "load_file",
    "parse_duration",
    "schema",
    "scrub",
]
