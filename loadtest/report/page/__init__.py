"""The report as one HTML file: it works offline, and every number in a chart can be read as text."""
