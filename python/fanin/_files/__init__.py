"""Files: written whole or not at all, archives looked at before unpacking, formats of others."""
