"""What watches over engines on a GPU host: replicas, their doors, their quiet hours."""
