"""The scenarios: `table` names them without locust, and each has a module with what its users do."""
