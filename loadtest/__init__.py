"""Load on mail servers: locust users, latency histograms and reports. May import `conformance.wire` and `reports`."""
