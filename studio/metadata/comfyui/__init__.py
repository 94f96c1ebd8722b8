"""ComfyUI's graphs: what a node gives through an output that a link names."""
