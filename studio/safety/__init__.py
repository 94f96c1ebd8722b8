"""What a studio that strangers use looks at: prompts, pictures, and marks that stay in them. See docs/safety.md."""
