"""Another embedding model beside the one that answers."""
