"""Prints the secrets that compose.yaml wants in .env, made now. Keep them: they open the data."""

import secrets

for name in ("KB_SECRET_KEY", "POSTGRES_PASSWORD", "KB_LLM_API_KEY"):
    print(f"{name}={secrets.token_urlsafe(40)}")
