"""python -m bench: every measurement."""

from bench.run import main

main()
