"""What the kinds of job share: moves, claim and fencing, events, take-over."""
