"""What people look after, and how it goes over to others."""
