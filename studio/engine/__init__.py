"""What turns recipes into pixels: the only part that holds weights and a device."""
