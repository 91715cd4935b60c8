"""Google's Gemini API as its clients speak it."""
