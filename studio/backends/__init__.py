"""What turns recipes into images: one file each."""
