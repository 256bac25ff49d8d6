"""The parts of one machine: started, watched, restarted and stopped. Knows nothing of Django."""
