"""Articles: reading the folder, Markdown to clean HTML, and importing texts from elsewhere."""
