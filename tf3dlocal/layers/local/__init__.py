"""Local paths: where a body part is, and what its 3D volume says."""
