"""A group of WebSocket subscribers: what they connect to, expect, and when they leave."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from loadtest.profiles.freshness import Freshness
from loadtest.profiles.group import Group
from loadtest.profiles.section import Section
from loadtest.profiles.slow_reading import Read
from loadtest.profiles.values import (
    Binary,
    Duration,
    FieldPath,
    Flag,
    Json,
    Length,
    Range,
    RequestPath,
    Size,
    Subprotocol,
    Text,
    Whole,
    text_of,
    value_of,
)

__all__ = ["Matcher", "Message", "MessageCheck", "Reconnect", "SendTime", "Session", "WebSocketGroup"]


class Message(Section):
    """One message to send: text, a JSON value, or bytes. A plain text in the list is short for `text`."""

    one_of = ("text", "json", "binary")

    text: Text | None = Field(None, description="Sent as it is, as a text message.")
    body: Json = Field(None, alias="json", description="Sent as JSON, as a text message.")
    binary: Binary | None = Field(None, description="Base64 of what is sent as a binary message.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return {"text": given} if isinstance(given, str) else given

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, super().__get_pydantic_json_schema__(core, handler)]}

    @property
    def payload(self) -> str | bytes:
        """What goes onto the wire: str as a text message, bytes as a binary one."""
        if self.binary is not None:
            return self.binary
        return self.text if self.text is not None else json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))


class MessageCheck(Section):
    """What a data message must be; one that isn't counts as an error."""

    keys_: tuple[Text, ...] = Field((), alias="keys", description="Top-level keys that every data message must have.")


class Matcher(Section):
    """Messages that are not data: they are counted apart, and neither timed nor checked."""

    one_of = ("binary", "keys")

    binary: Annotated[Literal[True], BeforeValidator(value_of)] | None = Field(None, description="Binary messages.")
    keys_: tuple[Text, ...] = Field(
        (), alias="keys", min_length=1, description="JSON objects that have all of these top-level keys."
    )


class SendTime(Section):
    """Where a message says when it was sent. A message without the field is fine; it only isn't timed."""

    field: FieldPath = Field(description="The field's name; dots lead into objects.")
    unit: Annotated[Literal["s", "ms", "us", "ns", "iso"], BeforeValidator(text_of)] = Field(
        "s", description="What it counts since 1970, or iso: a date and time of ISO 8601."
    )


class Reconnect(Section):
    """How a subscriber comes back after a connection ended or couldn't be made."""

    backoff: Length = Field(
        Range(0.1, 5.0), description="Wait before the first attempt .. the longest wait; doubled after each failure."
    )
    jitter: Annotated[Literal["full", "none"], BeforeValidator(text_of)] = Field(
        "full", description="full: wait a random part of the backoff; none: exactly the backoff."
    )


def _reconnect(given: Any) -> Any:
    given = value_of(given)
    return {} if given is True else given


class Session(Section):
    """How long a connection lasts if it is up to us, and what comes after it."""

    length: Length | None = Field(None, description="Close after this long (drawn from a range) and connect again.")
    cut_every: Duration | None = Field(
        None, description="All subscribers on all workers close at each multiple of this run time and connect again."
    )
    messages: Annotated[Whole, Field(ge=1)] | None = Field(
        None, description="Close after this many data messages. With cut_every: come back at the next cut."
    )
    reconnect: Annotated[
        Annotated[Reconnect, Tag("<on>")] | Annotated[Literal[False], Tag("<off>")],
        Discriminator(lambda given: "<off>" if given is False else "<on>"),
        BeforeValidator(_reconnect),
    ] = Field(Reconnect(), description="How to come back; false: a connection that ends is not replaced.")

    @classmethod
    def contradictions(cls, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Find keys that close in two ways, and keys that promise to come back where reconnect is off."""
        if "length" in given and "cut_every" in given:
            yield "cut_every", "can't stand beside length: give one of them"
        if value_of(given.get("reconnect")) is False:
            for key in ("length", "cut_every", "messages"):
                if key in given:
                    yield key, "closes and connects again, which reconnect: false forbids"


class WebSocketGroup(Group):
    """Subscribers: each holds one WebSocket and counts what arrives."""

    kind: ClassVar[Literal["websocket"]] = "websocket"

    websocket: RequestPath = Field(description="The path to connect to; it may have a query.")
    subprotocols: tuple[Subprotocol, ...] = Field((), description="Offered in the handshake, in this order.")
    send: tuple[Message, ...] = Field((), description="Messages to send after connecting, in this order.")
    expect: MessageCheck = Field(MessageCheck(), description="What every data message must have.")
    not_data: tuple[Matcher, ...] = Field((), description="Messages that are not data, such as heartbeats.")
    send_time: SendTime | None = Field(None, description="Where a message says when it was sent, if it does.")
    freshness: Freshness | None = Field(None, description="Where a message says how old its data is, if it does.")
    sequence: FieldPath | None = Field(
        None, description="The field with a number that grows by 1 with each broadcast, if messages have one."
    )
    broadcast: Flag | None = Field(
        None,
        description="true: every message goes to all subscribers; false: each has its own. Left out: it is found out.",
    )
    read: Read | None = Field(None, description="Read slowly, like this; left out: as fast as it can.")
    silence: Duration | None = Field(None, description="Connected, but no data for longer than this: a failure.")
    compression: Flag = Field(default=False, description="Offer permessage-deflate (RFC 7692).")
    max_message: Size = Field(16 * 2**20, description="A message larger than this ends its connection.")
    connect_timeout: Duration = Field(10.0, description="For name lookup, TCP, TLS and the handshake together.")
    session: Session = Field(Session(), description="When a connection ends, and what comes after it.")
