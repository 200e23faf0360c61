"""Silhouettes from the video of a static camera.

Reading order: ranges (of the arguments), source (frames), background or segmenter, foreground (their masks), regions,
tracking, quality (the gate), pass_folders, pictures, video_report, extract_silhouettes.
"""
