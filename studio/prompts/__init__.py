"""The language of prompts: weights, schedules, variants and wildcards; from text to what is to be encoded."""
