"""Who gets what answer from every address, frame and job: one table, and what keeps it true."""
