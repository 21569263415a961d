"""A crowd at one venue, in the plane and alone: it is not coupled with a city's run."""
