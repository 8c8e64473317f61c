"""Two branches, of which one is interrupted when it is taken back."""
