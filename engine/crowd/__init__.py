"""Crowds at a venue: people in the plane who leave a stadium, a station or a mall.

The model stands alone. It is not coupled with a city's run: nobody in a scenario walks through a
venue, and a venue knows no hazard but the crowd itself.
"""
