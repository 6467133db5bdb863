"""The national side: enrolment, rounds, releases. Trusted for availability, never for privacy."""
