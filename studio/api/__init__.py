"""What programs ask for over HTTP, in several languages over one studio: one file is one language."""
