"""A load generator for HTTP services: lean connections, closed and open loops, latencies, and bodies of logs."""
