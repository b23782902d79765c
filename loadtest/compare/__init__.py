"""Two runs side by side, with what is noise told from what is a change."""
