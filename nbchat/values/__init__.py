"""The values that travel through every other room: frozen, pure, importing nothing above themselves."""
