"""Locust's start form, with the profile where people look for it.

Locust puts options of a locustfile into a closed fold named "Custom parameters", and above it shows its own Users and
Ramp fields, which a load shape switches off. A script of ours opens and names the fold and hides the dead fields.
"""

from flask import Flask

from loadtest.dashboard.assets import add_to_head, serve, static

__all__ = ["install"]

PATH = "/loadtest/start-form.js"


def install(app: Flask, base_path: str = "") -> None:
    """Add the script to the page; `base_path` is Locust's --web-base-path."""
    serve(app, "loadtest_start_form", {PATH: static("start-form.js")}, base_path)
    add_to_head(app, f'<script src="{base_path}{PATH}" defer></script>', base_path)
