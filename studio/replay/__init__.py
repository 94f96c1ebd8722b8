"""Makes pictures again by what their files say, and tells how like the two are, and why not."""
