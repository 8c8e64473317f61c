"""The decision to switch, and the switch."""
