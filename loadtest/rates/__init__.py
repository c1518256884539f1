"""Open load: schedules and the arrivals that they make, --max-rate, and the search for capacity."""
