"""Outside systems that know which virtual machines exist; each yields the records of `records.py` and knows no ORM."""
