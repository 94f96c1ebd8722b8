"""What the text of A1111 says, and of all that write as it does."""
