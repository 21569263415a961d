"""How vehicles and walkers get there."""

from engine.mobility.traffic_files import TrafficResult, run_traffic_folder, simulate_traffic

__all__ = ["TrafficResult", "run_traffic_folder", "simulate_traffic"]
