"""What a locked notebook costs: seconds to a first result, memory, many at once, and gVisor's slowdown."""
