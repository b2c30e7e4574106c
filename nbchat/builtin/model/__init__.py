"""The built-in language model: corpus, tokens, probabilities, sampling and generation."""
