"""What somebody may reach, and why: facts from the database, one fold, one explanation."""
