"""Why can or cannot this person see this? For those who decide about members."""
