"""HTTP: requests with their secrets, connection pools, proxies, sockets, and decompression."""
