"""The Python programs that are measured: each takes commands on stdin and answers with a line of JSON on stdout."""
