"""The panel's settings: parameters, server, presets and the equivalent `%%chat` line."""
