"""How results show themselves: as a line, a text, a page, a picture."""
