"""Samplers: layers that cut a located 3D volume out of a map."""
